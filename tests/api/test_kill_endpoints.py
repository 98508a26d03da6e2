"""The kill switch over a real port: stopped, cancelled, closed, and proven flat."""

import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def test_an_account_is_stopped_closed_and_proven_flat(live: Live, bob: Person) -> None:
    with live.person() as ada:
        ada.order(qty="40")
        live.step()
        resting = ada.order(type="limit", limit_price="20", time_in_force="gtc")["id"]
        assert not ada.get("/risk/kill")["flat"]
        killed = ada.post("/risk/kill", {"detail": "enough", "flatten": True}, 200)
        assert (killed["halted"], killed["flat"], killed["canceled"]) == ("enough", False, [resting])
        assert killed["positions"] == [{"symbol": "MSFT", "qty": "40", "closing": killed["placed"]}]
        assert killed["refused"] == []
        assert ada.order(422)["code"] == "account_halted"
        live.step()
        flat = ada.get("/risk/kill")
        assert (flat["flat"], flat["open_orders"], flat["positions"]) == (True, 0, [])
        assert ada.get("/positions")["items"] == []
        assert bob.get("/risk/kill")["halted"] is None
        ada.resume()
        assert ada.order()["status"] == "new"


def test_somebody_elses_account_is_not_there(live: Live, ada: Person, bob: Person) -> None:
    headers = {"X-Account-Id": str(ada.user.account_id)}
    assert bob.client.post("/api/v1/risk/kill", json={"detail": "x"}, headers=headers).status_code == 404
    assert bob.client.get("/api/v1/risk/kill", headers=headers).status_code == 404
    assert ada.get("/risk/kill")["halted"] is None


@pytest.mark.parametrize(
    "body", [{}, {"detail": ""}, {"detail": "x", "flatten": "perhaps"}, {"detail": "x", "all": 1}]
)
def test_bad_input_names_its_field(ada: Person, body: dict[str, object]) -> None:
    problem = ada.post("/risk/kill", body, 422)
    assert [one["field"] for one in problem["errors"]] == [next(reversed(body), "detail")]
