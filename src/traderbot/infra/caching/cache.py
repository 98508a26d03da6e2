"""A cache for functions, on cashews: in memory, or in Valkey with a copy in memory that Valkey invalidates.

Values are JSON texts, never pickles, and a key always begins with the tenant it belongs to. While Valkey is
gone, memory serves alone; when it is back, both are emptied of what this cache wrote, since what was to be
dropped meanwhile is not known to the other side. Nothing that decides about an order is read from here.
"""

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import wraps
from hashlib import sha256
from typing import Any

import msgspec
import structlog
from cashews import Cache as Store
from cashews.backends.memory import Memory
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from traderbot.infra.events.journal import Recorded
from traderbot.infra.limits.valkey import failures
from traderbot.infra.storage.queries import counted_queries
from traderbot.model.errors import InvalidValue, NotFound

_log = structlog.get_logger()

PUBLIC = "public"
PREFIX = "traderbot:cache:"
VALUE_BYTES_MAX = 1_000_000
ENTRIES_MAX = 10_000
REST_S = 1.0
_TROUBLE = failures()

Function = Callable[..., Any]


class Entry(msgspec.Struct):
    """What is known of one cached function. saved_s, saved_queries: what hits did not spend or ask of the
    database, by what misses did.
    """

    name: str
    ttl_s: float
    jitter: float = 0.0
    hits: int = 0
    misses: int = 0
    spent_s: float = 0.0
    queries: int = 0
    generation: int = 0
    tags: tuple[str, ...] = ()

    @property
    def saved_s(self) -> float:
        return self.hits * self.spent_s / self.misses if self.misses else 0.0

    @property
    def saved_queries(self) -> int:
        return self.hits * self.queries // self.misses if self.misses else 0


class FunctionCache:
    """The cached functions of one event loop. url: Valkey; None for memory alone."""

    def __init__(self, registry: CollectorRegistry, url: str | None = None) -> None:
        self.entries: dict[str, Entry] = {}
        self._memory = Memory(size=ENTRIES_MAX)  # bare: what cashews puts around it takes ten times as long
        self._shared: Store | None = None
        if url is not None:
            self._shared = Store()
            self._shared.setup(
                url, client_side=True, client_side_prefix=PREFIX, suppress=False, pickle_type="json",
                socket_timeout=0.1, socket_connect_timeout=0.1, wait_for_connection_timeout=0.1,
            )  # fmt: skip
        self._gone_until = 0.0
        self._was_gone = False
        self._flights: dict[str, asyncio.Task[str]] = {}
        self._by_event: dict[str, set[str]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looked = Counter(
            "traderbot_cache", "Cached calls by result.", ["name", "result"], registry=registry
        )
        self._seconds = Histogram(
            "traderbot_cache_seconds", "Time of cached calls.", ["name", "result"], registry=registry
        )
        self._results: dict[str, dict[str, tuple[Counter, Histogram]]] = {}  # both, by name and result
        self._saved = Gauge(
            "traderbot_cache_saved_queries",
            "Database queries that hits did not make, by what misses made.",
            ["name"],
            registry=registry,
        )

    def cached(
        self,
        name: str,
        *,
        ttl_s: float,
        tenant: Callable[..., str],
        key: Callable[..., Any],
        ends_with: Iterable[str] = (),
        jitter: float = 0.1,
    ) -> Callable[[Function], Callable[..., Awaitable[Any]]]:
        """Cache a function, also one that blocks: that runs in a worker thread.

        name: in keys and metrics; tenant: of the arguments, a user's or account's id, or PUBLIC; key: the
        rest of the key; ends_with: types of events that end every value of this name. jitter: the fraction
        of the life that is left to chance, so that not all end at once. The value has to be plain JSON data.
        Errors: InvalidValue.
        """
        if name in self.entries:
            raise InvalidValue("name", "a name that no other cached function has", name)
        if not (ttl_s > 0 and 0 <= jitter < 1):
            raise InvalidValue("ttl_s", "a life above zero, with a jitter of 0 to below 1")
        entry = self._entered(Entry(name, ttl_s, jitter, tags=tuple(ends_with)))

        def decorate(function: Function) -> Callable[..., Awaitable[Any]]:
            @wraps(function)
            async def call(*arguments: Any, **named: Any) -> Any:
                whose = tenant(*arguments, **named)
                if not whose:
                    raise InvalidValue("tenant", "whose the value is, or PUBLIC")
                rest = sha256(msgspec.json.encode(key(*arguments, **named))).hexdigest()[:32]

                async def compute() -> Any:
                    if asyncio.iscoroutinefunction(function):
                        return await function(*arguments, **named)
                    return await asyncio.to_thread(function, *arguments, **named)

                return msgspec.json.decode(await self._get(entry, f"{name}:{whose}:{rest}", compute))

            return call

        return decorate

    def _entered(self, entry: Entry) -> Entry:
        """Begin to count a function, and to end its values by events."""
        name = entry.name
        self.entries[name] = entry
        self._results[name] = {
            result: (self._looked.labels(name, result), self._seconds.labels(name, result))
            for result in ("hit", "joined", "miss")
        }
        self._saved.labels(name).set_function(lambda: entry.saved_queries)
        for event in entry.tags:
            self._by_event[event].add(name)
        return entry

    def heard(self, recorded: list[Recorded]) -> None:
        """End what these events end; from any thread, as a listener of the command path or of a tail."""
        moved = [type(entry.event).__name__ for entry in recorded]
        for name in {name for event in moved for name in self._by_event.get(event, ())}:
            self.entries[name].generation += 1  # at once for this process, whatever the loop is doing
            if self._loop is not None and self._shared is not None:
                asyncio.run_coroutine_threadsafe(self.clear(name), self._loop)

    async def clear(self, name: str | None = None) -> list[str]:
        """Drop the values of one name, or of all. Returns: the names. Errors: NotFound."""
        if name is not None and name not in self.entries:
            raise NotFound(f"no cached function {name}")
        names = [name] if name is not None else sorted(self.entries)
        for each in names:
            self.entries[each].generation += 1
            await self._memory.delete_match(f"{each}:*")
            store = await self._store()
            if store is not self._memory:
                try:
                    await store.delete_match(f"{each}:*")
                except _TROUBLE as error:
                    self._failed(error)
        return names

    async def warm(self, calls: Mapping[str, Callable[[], Awaitable[Any]]]) -> None:
        """Run these once, so that nobody waits for the first; one that fails is said and left out."""
        for what, call in calls.items():
            try:
                await call()
            except Exception as error:  # noqa: BLE001 - a cold cache is no reason not to start
                _log.warning("cache_not_warmed", what=what, error=repr(error))

    async def _get(self, entry: Entry, place: str, compute: Callable[[], Awaitable[Any]]) -> str:
        began = time.perf_counter()
        self._loop = asyncio.get_running_loop()
        found = await self._read(entry, place)
        if found is None:
            flight_key = f"{entry.generation}:{place}"
            flight = self._flights.get(flight_key)
            if flight is None:
                flight = asyncio.create_task(self._fill(entry, place, compute))
                self._flights[flight_key] = flight
                flight.add_done_callback(lambda _done: self._flights.pop(flight_key, None))
                result = "miss"
            else:
                result = "joined"
            found = await asyncio.shield(flight)
        else:
            result = "hit"
        entry.hits += result != "miss"
        looked, seconds = self._results[entry.name][result]
        looked.inc()
        seconds.observe(time.perf_counter() - began)
        return found

    async def _fill(self, entry: Entry, place: str, compute: Callable[[], Awaitable[Any]]) -> str:
        generation, began = entry.generation, time.perf_counter()
        with counted_queries() as asked:
            text = msgspec.json.encode(await compute()).decode()
        entry.misses += 1
        entry.queries += asked.count
        entry.spent_s += time.perf_counter() - began
        if len(text) <= VALUE_BYTES_MAX and entry.generation == generation:
            life = entry.ttl_s * (1 - entry.jitter * secrets.randbelow(1000) / 1000)
            store = await self._store()
            try:
                await store.set(place, f"{generation if store is self._memory else ''} {text}", expire=life)
            except _TROUBLE as error:
                self._failed(error)
        return text

    async def _read(self, entry: Entry, place: str) -> str | None:
        store = await self._store()
        try:
            found = await store.get(place)
        except _TROUBLE as error:
            self._failed(error)
            return None
        generation, _, text = str(found or "").partition(" ")
        if not text or (store is self._memory and generation != str(entry.generation)):
            return None
        return text

    async def _store(self) -> Store | Memory:
        """Valkey while it answers, else memory."""
        if not self._memory.is_init:
            await self._memory.init()
        if self._shared is None or time.monotonic() < self._gone_until:
            return self._memory
        if self._was_gone:
            try:
                await self._shared.delete_match("*")
            except _TROUBLE as error:
                self._failed(error)
                return self._memory
            await self._memory.delete_match("*")
            self._was_gone = False
        return self._shared

    def _failed(self, error: BaseException) -> None:
        if not self._was_gone:
            _log.warning("cache_alone", error=repr(error))
        self._was_gone = True
        self._gone_until = time.monotonic() + REST_S

    async def close(self) -> None:
        for store in (self._memory, self._shared):
            if store is not None:
                await store.close()
