// Remembers the ids of what was made, and the cursor of a list, and puts them where
// variables say "(server)" or "(eventCursor)".

const made = new Map<string, string>();

/** Keep the id of every noun that a result has made or named, and its cursor. */
export function remember(result: unknown): void {
  if (typeof result !== "object" || result === null) return;
  for (const [key, value] of Object.entries(result)) {
    if (key === "eventCursor" && typeof value === "string") made.set(`(${key})`, value);
    if (typeof value !== "object" || value === null) continue;
    const id: unknown = (value as { id?: unknown }).id;
    if (typeof id === "string") made.set(`(${key})`, id);
    remember(value);
  }
}

/** Return the value with remembered ids in the place of their names. */
export function filled<T>(value: T): T {
  if (typeof value === "string") return (made.get(value) ?? value) as T;
  if (Array.isArray(value)) return value.map(filled) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, filled(each)]);
  return Object.fromEntries(entries) as T;
}
