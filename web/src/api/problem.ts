/** What went wrong with a request, in the words of the server's problem+json. */

export interface FieldError {
  field: string;
  expected: string;
}

export class Problem extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly fields: readonly FieldError[];

  constructor(status: number, title: string, detail: string, code: string, fields: readonly FieldError[] = []) {
    super(detail || title);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.code = code;
    this.fields = fields;
  }

  /** True when the server decided; false when nobody knows whether the request was carried out. */
  get settled(): boolean {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }

  /** The message that belongs to one input, if the server named it. */
  field(name: string): string | undefined {
    return this.fields.find((error) => error.field === name || error.field.endsWith(`.${name}`))?.expected;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}

/** Reads a problem+json body; anything else becomes a problem that names the status. */
export function problemFrom(status: number, body: unknown): Problem {
  if (!isRecord(body)) return new Problem(status, `The server answered ${status}`, "", "unknown");
  const listed = Array.isArray(body["errors"]) ? body["errors"] : [];
  const fields = listed
    .filter(isRecord)
    .map((error) => ({ field: text(error["field"], ""), expected: text(error["expected"], "not accepted") }));
  return new Problem(
    status,
    text(body["title"], `The server answered ${status}`),
    text(body["detail"], ""),
    text(body["code"], "unknown"),
    fields,
  );
}

/** The sentence to show for whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return "Something went wrong";
}
