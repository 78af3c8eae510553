// Records by their identifiers: what anyone may count, and users may read and write.
import * as app from "@microsoft/ccf-app";

import { checked } from "./checks.js";

// A table whose name does not begin with "public:" is encrypted in the ledger.
const records = app.typedKv("records", app.string, app.json());

// PUT /app/records/{id}
export function put(request) {
  const { id } = request.params;
  const text = checked(request.body.json());
  if (text === undefined) {
    console.warn(`record ${id} is refused`);
    return { statusCode: 400, body: { error: "a record is {\"text\": \"…\"}, with some text" } };
  }
  records.set(id, { text, by: request.caller.id });
  console.log(`record ${id} is kept`);
  return { statusCode: 204 };
}

// GET /app/records/{id}
export function get(request) {
  const record = records.get(request.params.id);
  return record === undefined ? { statusCode: 404 } : { body: record };
}

// GET /app/records
export function count() {
  return { body: { count: records.size } };
}
