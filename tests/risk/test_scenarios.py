import numpy as np
import pytest

from risk.samples import at, book, demo, made_up, walk
from traderbot.model.errors import InvalidValue
from traderbot.model.symbols import Symbol
from traderbot.risk.factors import exposure_of
from traderbot.risk.scenarios import Shocks, historical, shocked

pytestmark = pytest.mark.unit

HOLDINGS = {"AAPL": 100, "GOOG": 20, "MSFT": 500}


def test_a_fall_takes_own_prices_where_they_are_known_and_else_the_beta() -> None:
    found = historical(book(demo(), at("2010-01-04"), HOLDINGS), 0.2)
    by_name = {one.name: one for one in found.scenarios}
    assert [one.basis for one in by_name["dotcom-2000"].positions] == ["own prices", "beta", "own prices"]
    assert {one.basis for one in by_name["credit-2008"].positions} == {"own prices"}
    ahead = by_name["covid-2020"]
    assert {one.basis for one in ahead.positions} == {"beta"}
    assert ahead.market == pytest.approx(-0.339, abs=1e-3)
    assert ahead.profit == sum(one.profit for one in ahead.positions)
    assert found.benchmark == "S&P 500"


def test_a_crisis_that_lies_ahead_is_not_read_off_the_data_set() -> None:
    """The data set holds the prices of 2008, the clock stands at 2005."""
    found = historical(book(demo(), at("2005-06-01"), HOLDINGS), 0.2)
    credit = next(one for one in found.scenarios if one.name == "credit-2008")
    assert {one.basis for one in credit.positions} == {"beta"}


def test_a_reverse_stress_and_all_as_one() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS)
    found = historical(asked, 0.1)
    assert found.reverse is not None
    assert float(found.reverse.loss) == pytest.approx(0.1 * float(asked.equity), abs=0.01)
    values = {one.symbol: float(one.value) for one in asked.held}
    lost = sum(values[one.symbol] * one.move for one in found.reverse.likeliest)
    assert -lost == pytest.approx(float(found.reverse.loss), abs=0.01)
    assert found.reverse.market is not None
    assert found.reverse.market < 0
    assert found.correlation_to_one is not None
    assert found.correlation_to_one.var > found.correlation_to_one.usual_var
    for wrong in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidValue, match="lose"):
            historical(asked, wrong)


def test_own_shocks_go_from_symbol_to_sector_to_market() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS)
    sectors = {Symbol("AAPL"): "Hardware", Symbol("MSFT"): "Software"}
    shocks = Shocks("mine", -0.1, {"Software": -0.2}, {Symbol("AAPL"): -0.5})
    found = shocked(asked, shocks, sectors)
    by_symbol = {str(one.symbol): one for one in found.positions}
    assert (by_symbol["AAPL"].move, by_symbol["AAPL"].basis) == (-0.5, "symbol")
    assert (by_symbol["MSFT"].move, by_symbol["MSFT"].basis) == (-0.2, "sector")
    assert by_symbol["GOOG"].basis == "beta"
    assert float(by_symbol["AAPL"].profit) == pytest.approx(-0.5 * float(asked.held[0].value), abs=0.01)
    alone = shocked(asked, Shocks(symbols={Symbol("AAPL"): 0.1}), sectors)
    assert [one.basis for one in alone.positions] == ["symbol", "none", "none"]


@pytest.mark.parametrize(
    ("shocks", "field"),
    [
        ({}, "shocks"),
        ({"market": -1.5}, "market"),
        ({"market": float("nan")}, "market"),
        ({"symbols": {"AAPL": 11.0}}, "symbols.AAPL"),
        ({"symbols": {"TSLA": -0.1}}, "symbols"),
        ({"sectors": {"Energy": -0.1}}, "sectors"),
        ({"factors": {"momentum": -0.1}}, "factors"),
        ({"factors": {"size": -0.1}, "market": -0.1}, "factors"),
        ({"factors": {"size": -2.0}}, "factors.size"),
    ],
)
def test_shocks_that_make_no_sense_name_the_field(shocks: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as found:
        shocked(book(demo(), at("2010-01-04"), HOLDINGS), Shocks(**shocks), {})  # type: ignore[arg-type]
    assert found.value.field == field


def test_factors_move_each_position_by_its_own_coefficients() -> None:
    asked = book(demo(), at("2010-01-04"), HOLDINGS)
    exposure = exposure_of(asked)
    own = {one.symbol: one for one in exposure.positions}
    found = shocked(asked, Shocks("tilt", factors={"market": -0.1, "value": 0.05}), {})
    assert {one.basis for one in found.positions} == {"factors"}
    for moved in found.positions:
        told = own[moved.symbol]
        assert moved.move == pytest.approx(-0.1 * told.market + 0.05 * told.value)
    account = {one.name: one.value for one in exposure.coefficients}
    assert found.share == pytest.approx(-0.1 * account["market"] + 0.05 * account["value"], abs=1e-6)


def test_factors_that_cannot_be_measured_are_refused_and_a_young_symbol_is_told() -> None:
    young = made_up({"AAA": walk(2)[:100]})
    time = int(young.bars[Symbol("AAA")].times[-1])
    with pytest.raises(InvalidValue, match="24 are needed"):
        shocked(book(young, time, {"AAA": 10}), Shocks(factors={"size": -0.1}), {})
    both = made_up({"AAA": walk(1), "BBB": walk(2, 800)})
    alone = both.bars[Symbol("AAA")].times[-1]
    late = made_up({"AAA": walk(1), "BBB": np.append(np.full(770, np.nan), walk(2, 30))})
    found = shocked(book(late, int(alone), {"AAA": 10, "BBB": 10}), Shocks(factors={"size": -0.1}), {})
    assert [one.basis for one in found.positions] == ["factors", "none"]
    assert [(one.code, one.symbol) for one in found.reasons] == [("too_little_history", "BBB")]


def test_a_symbol_without_a_beta_moves_as_the_index_and_says_so() -> None:
    dataset = made_up({"SPY": walk(1), "AAA": walk(2)[:30]})
    time = int(dataset.bars[Symbol("AAA")].times[-1])
    found = shocked(book(dataset, time, {"AAA": 10}), Shocks(market=-0.2), {})
    assert (found.positions[0].move, found.positions[0].basis) == (-0.2, "index")
    assert [one.code for one in found.reasons] == ["no_overlap"]


def test_an_account_with_nothing_or_without_money_is_answered() -> None:
    empty = historical(book(demo(), at("2010-01-04"), {}), 0.2)
    assert (empty.reverse, empty.correlation_to_one) == (None, None)
    assert "nothing_held" in {one.code for one in empty.reasons}
    poor = historical(book(demo(), at("2010-01-04"), HOLDINGS, cash=-500_000), 0.2)
    assert poor.reverse is None
    assert poor.scenarios[0].share is None
    assert "no_equity" in {one.code for one in poor.reasons}
