"""The roundings of model.rounding in whole numbers of 64 bits, for the kernel, which compiles them in."""

from numba import njit

_LIMIT = 9.0e18
within = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


@within
def fits(one, other):  # type: ignore[no-untyped-def]
    """Whether a product of two whole numbers fits 64 bits, with room for what is added to it."""
    return abs(float(one) * float(other)) < _LIMIT


@within
def half_even(value, unit):  # type: ignore[no-untyped-def]
    """value / unit rounded half-even; neither negative."""
    whole = value // unit
    rest = value - whole * unit
    if 2 * rest > unit or (2 * rest == unit and whole % 2 == 1):
        whole += 1
    return whole


@within
def share(value, num, den):  # type: ignore[no-untyped-def]
    """value x num / den as a whole part and the rest of the division by den."""
    whole = value // den
    rest = (value - whole * den) * num
    part = rest // den
    return whole * num + part, rest - part * den


@within
def price_at(price, num, den, up):  # type: ignore[no-untyped-def]
    """rounding.price_at for a factor of 1 plus or minus num / den."""
    if num == 0:
        return price
    whole, rest = share(price, num, den)
    if up:
        whole += price
    else:
        whole = price - whole
        if rest:
            whole, rest = whole - 1, den - rest
    if 2 * rest > den or (2 * rest == den and whole % 2 == 1):
        whole += 1
    return max(whole, 1)


@within
def fee_of(value, num, den):  # type: ignore[no-untyped-def]
    """rounding.fee."""
    return share(value, num, den)[0]


@within
def hold_of(qty, price, num, den):  # type: ignore[no-untyped-def]
    """rounding.hold."""
    value = qty * price
    whole, rest = share(value, num, den)
    whole += value
    up = 1 if rest or whole % 1000 else 0
    return whole // 1000 + up + 1


@within
def affordable(cash, price, num, den, lot):  # type: ignore[no-untyped-def]
    """rounding.affordable in lots of whole shares; the guess in floats is put right in whole numbers."""
    spend = (cash - 1) * 1000
    if spend <= 0:
        return 0
    each = price * lot
    lots = int(float(spend) / (float(each) * (1.0 + float(num) / float(den))) * (1.0 + 2e-15)) + 1
    while lots > 0:
        value = lots * each
        whole, rest = share(value, num, den)
        whole += value
        if whole < spend or (whole == spend and rest == 0):
            break
        lots -= 1
    return lots * lot
