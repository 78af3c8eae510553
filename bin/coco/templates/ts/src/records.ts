// Records by their identifiers: what anyone may count, and users may read and write.
import * as app from "@microsoft/ccf-app";

import { checked, Refusal, type Draft } from "./checks.js";

interface Kept {
  text: string;
  by: string;
}

// A table whose name does not begin with "public:" is encrypted in the ledger.
const records = app.typedKv("records", app.string, app.json<Kept>());

// PUT /app/records/{id}
export function put(request: app.Request<Draft>): app.Response {
  const { id } = request.params;
  const result = checked(request.body.json());
  if (typeof result !== "string") {
    console.warn(`record ${id} is refused: ${Refusal[result]}`);
    return { statusCode: 400, body: { error: Refusal[result] } };
  }
  const caller = request.caller as app.UserCertAuthnIdentity;
  records.set(id, { text: result, by: caller.id });
  console.log(`record ${id} is kept`);
  return { statusCode: 204 };
}

// GET /app/records/{id}
export function get(request: app.Request): app.Response<Kept> {
  const record = records.get(request.params.id);
  return record === undefined ? { statusCode: 404 } : { body: record };
}

// GET /app/records
export function count(): app.Response<{ count: number }> {
  return { body: { count: records.size } };
}
