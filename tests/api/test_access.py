"""What a credential is good for, over a real port: an account, a user, a platform."""

import httpx2
import pytest

from api.live import Live, Person

pytestmark = pytest.mark.integration


def test_a_key_of_one_account_does_nothing_else(live: Live, ada: Person) -> None:
    """Nor does an admin's: what it is good for is its account."""
    other = ada.post("/users/me/api-keys", {"name": "other"})["id"]
    with live.person("admin", name="root") as root:
        for person in (ada, root):
            body = {"name": "one", "account_id": str(person.user.account_id)}
            headers = {"X-API-Key": person.post("/users/me/api-keys", body)["key"]}
            with httpx2.Client(base_url=f"{live.url}/api/v1", headers=headers) as bound:
                assert bound.get("/orders").status_code == 200
                refused = [
                    bound.get("/users/me/api-keys"),
                    bound.delete(f"/users/me/api-keys/{other}"),
                    bound.get("/admin/limits"),
                    bound.post("/admin/halts", json={"detail": "mine"}),
                    bound.post("/market/clock", json={"paused": True}),
                    bound.put(f"/accounts/{person.user.account_id}/limits", json={}),
                ]
                assert [answer.status_code for answer in refused] == [403] * 6
    assert other in [key["id"] for key in ada.get("/users/me/api-keys")["items"]]


def test_what_trades_by_a_key_takes_no_limit_and_no_halt_away(live: Live, ada: Person) -> None:
    account = ada.user.account_id
    ada.put(f"/accounts/{account}/limits", {"order_qty": "5"})
    key = ada.post("/users/me/api-keys", {"name": "bot"})["key"]
    with httpx2.Client(base_url=f"{live.url}/api/v1", headers={"X-API-Key": key}) as bot:
        assert bot.put(f"/accounts/{account}/limits", json={}).status_code == 403
        assert bot.post("/risk/halt", json={"detail": "enough"}).status_code == 200
        assert bot.post("/risk/halt/resume-request", json={}).status_code == 403
        code = ada.post("/risk/halt/resume-request", {}, 200)["code"]
        assert bot.post("/risk/halt/resume", json={"code": code}).status_code == 403
    ada.post("/risk/halt/resume", {"code": code}, 200)
