/** Exact arithmetic on the decimal strings of the contract. Money shown on this page never passes through a float. */

interface Scaled {
  units: bigint;
  places: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

export function isDecimal(text: string): boolean {
  return PLAIN.test(text);
}

function scaled(text: string): Scaled {
  const match = PLAIN.exec(text);
  if (match === null) throw new RangeError(`not a plain decimal: ${text}`);
  const fraction = match[3] ?? "";
  const units = BigInt(`${match[2] ?? ""}${fraction}`);
  return { units: match[1] === "-" ? -units : units, places: fraction.length };
}

function written({ units, places }: Scaled): string {
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = places === 0 ? "" : `.${digits.slice(digits.length - places)}`;
  return `${units < 0n ? "-" : ""}${whole}${fraction}`;
}

function powerOfTen(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** Half-even quotient of two integers; `denominator` is positive. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const size = numerator < 0n ? -numerator : numerator;
  const quotient = size / denominator;
  const twice = (size % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return numerator < 0n ? -rounded : rounded;
}

export function add(left: string, right: string): string {
  const a = scaled(left);
  const b = scaled(right);
  const places = Math.max(a.places, b.places);
  const units = a.units * powerOfTen(places - a.places) + b.units * powerOfTen(places - b.places);
  return written({ units, places });
}

export function negate(text: string): string {
  const { units, places } = scaled(text);
  return written({ units: -units, places });
}

export function subtract(left: string, right: string): string {
  return add(left, negate(right));
}

export function multiply(left: string, right: string): string {
  const a = scaled(left);
  const b = scaled(right);
  return written({ units: a.units * b.units, places: a.places + b.places });
}

export function sum(texts: readonly string[]): string {
  return texts.reduce(add, "0");
}

/** -1, 0 or 1. */
export function signOf(text: string): number {
  const { units } = scaled(text);
  if (units === 0n) return 0;
  return units < 0n ? -1 : 1;
}

/** Exactly `places` decimal places, half-even. */
export function roundTo(text: string, places: number): string {
  const { units, places: given } = scaled(text);
  if (given <= places) return written({ units: units * powerOfTen(places - given), places });
  return written({ units: divideHalfEven(units, powerOfTen(given - places)), places });
}

/** Without zeros at the end, keeping at least `least` places. */
export function trimZeros(text: string, least = 0): string {
  const point = text.indexOf(".");
  if (point < 0) return least === 0 ? text : roundTo(text, least);
  let end = text.length;
  while (end > point + 1 + least && text[end - 1] === "0") end -= 1;
  const kept = text.slice(0, end === point + 1 ? point : end);
  return kept.length - point - 1 < least ? roundTo(kept, least) : kept;
}

/** `part` / `whole` to `places` places; null when there is no whole. */
export function ratio(part: string, whole: string, places: number): string | null {
  const a = scaled(part);
  const b = scaled(whole);
  if (b.units === 0n) return null;
  const sign = b.units < 0n ? -1n : 1n;
  const numerator = sign * a.units * powerOfTen(places + b.places);
  return written({ units: divideHalfEven(numerator, sign * b.units * powerOfTen(a.places)), places });
}
