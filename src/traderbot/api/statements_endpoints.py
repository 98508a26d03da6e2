"""/api/v1/portfolio/statements and /tax: an account's periods and tax years, as JSON or as files to keep."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from traderbot.api.access import AccountId, ThePlatform
from traderbot.api.backtest_files import as_file
from traderbot.api.order_entry import NO_ACCOUNT
from traderbot.api.portfolio_endpoints import benchmark_at
from traderbot.api.problems import problem_responses
from traderbot.api.schemas_common import SymbolIn
from traderbot.api.statement_schemas import StatementOut, TaxYearOut
from traderbot.api.strict_json import StrictRoute
from traderbot.portfolios.statements.owners import owner_of
from traderbot.portfolios.statements.pages import statement_page, tax_page
from traderbot.portfolios.statements.statement import statement_csv, statement_of
from traderbot.portfolios.statements.tax import tax_csv, tax_year
from traderbot.trading.halts import rules_in_force

router = APIRouter(prefix="/api/v1/portfolio", tags=["portfolio"], route_class=StrictRoute)

_ANSWERS = problem_responses(401, 404, 422, s404=NO_ACCOUNT)
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/html": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}}
    }
}
Format = Annotated[Literal["json", "html", "csv"], Query(description="html: a page to print; csv: its rows.")]


@router.get(
    "/statements/{period}",
    summary="The statement of a period",
    description="What the account was worth before and after, every movement of cash and shares, what"
    " it holds and what gained. Its closes are those of the period, days of UTC.",
    responses=_ANSWERS | _FILES,
    response_model=StatementOut,
)
def statement(
    platform: ThePlatform,
    account_id: AccountId,
    period: Annotated[
        str, Path(description="2005-01-03, 2005-W01, 2005-01, 2005-Q1 or 2005.", max_length=10)
    ],
    file: Annotated[Format, Query(alias="format")] = "json",
    benchmark: Annotated[
        SymbolIn | None, Query(description="An instrument of the session, dividends reinvested.")
    ] = None,
) -> Response | StatementOut:
    at = benchmark_at(platform, benchmark)
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
        sectors, owner = rules_in_force(connection).sectors, owner_of(connection, account_id)
    found = statement_of(book, period, sectors, benchmark_at=at)
    if file == "html":
        return as_file(statement_page(found, owner).encode(), f"statement-{period}.html")
    if file == "csv":
        return as_file(statement_csv(found).encode(), f"statement-{period}.csv")
    return StatementOut.model_validate(found)


@router.get(
    "/tax/{year}",
    summary="Gains and losses of a tax year",
    description="Every disposal by lot, with fees in proceeds and cost, by term; losses of wash sales are put"
    " onto the shares that replaced those sold (26 U.S.C. 1091), within this account. No advice on taxes.",
    responses=_ANSWERS | _FILES,
    response_model=TaxYearOut,
)
def tax(
    platform: ThePlatform,
    account_id: AccountId,
    year: Annotated[int, Path(ge=1970, le=9998)],
    file: Annotated[Format, Query(alias="format")] = "json",
    wash_sales: Annotated[bool, Query(description="Match wash sales.")] = True,
) -> Response | TaxYearOut:
    with platform.database.read() as connection:
        book = platform.tracks.book_of(connection, account_id)
        owner = owner_of(connection, account_id)
    found = tax_year(book, year, wash_sales=wash_sales)
    if file == "html":
        return as_file(tax_page(found, owner).encode(), f"tax-{year}.html")
    if file == "csv":
        return as_file(tax_csv(found).encode(), f"tax-{year}.csv")
    return TaxYearOut.model_validate(found)
