// A client of the types that openapi-typescript makes of the contract: each resource is created, read, changed, found and
// deleted. The service's address is the first argument; a failure is an exception.

import createClient from "openapi-fetch";
import type { components, paths } from "./contract";

declare const process: { argv: string[]; exitCode: number };

const client = createClient<paths>({ baseUrl: process.argv[2]! });

/** An answer's data as JSON has them (a list is also to be had as text); the answer must have this status. */
function good<Data>(
  answer: { data?: Data; error?: unknown; response: Response },
  status: number,
): Exclude<Data, string | undefined> {
  const { data, error, response } = answer;
  if (response.status !== status || data === undefined || typeof data === "string") {
    throw new Error(`${response.url}: ${response.status} ${JSON.stringify(error)}`);
  }
  return data as Exclude<Data, string | undefined>;
}

function same(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  }
}

async function passengers(): Promise<void> {
  const input: components["schemas"]["PassengerInput"] = {
    survived: null, passengerClass: 2, name: "Typed Person", sex: "female", age: 30.5,
    siblingsOrSpousesAboard: 0, parentsOrChildrenAboard: 1, fare: 12.5,
  };
  const created = good(await client.POST("/v1/passengers", { body: input }), 201);
  if ("items" in created) throw new Error("one was sent");
  const params = { path: { uuid: created.uuid } };

  const read = await client.GET("/v1/passengers/{uuid}", { params });
  same("read", good(read, 200), created);
  const etag = read.response.headers.get("ETag")!;

  const replaced = good(await client.PUT("/v1/passengers/{uuid}", {
    params: { ...params, header: { "If-Match": etag } }, body: { ...input, passengerClass: 1 },
  }), 200);
  same("replaced", replaced.passengerClass, 1);
  const stale = await client.PATCH("/v1/passengers/{uuid}", {
    params: { ...params, header: { "If-Match": etag } }, body: { age: null },
    headers: { "Content-Type": "application/merge-patch+json" },
  });
  same("stale", [stale.response.status, stale.error?.type], [412, "/problems/precondition-failed"]);
  const changed = good(await client.PATCH("/v1/passengers/{uuid}", { params, body: { age: null } }), 200);
  same("changed", changed.age, null);

  const page = good(await client.GET("/v1/passengers", {
    params: { query: { name: ["like.Typed*", "neq.Nobody"], order: "-fare,name", fields: "name,fare", limit: 5 },
              header: { Prefer: "count=exact" } },
  }), 200);
  same("page", page, { items: [{ name: "Typed Person", fare: 12.5 }], next: null, total: 1 });
  const stats = good(await client.GET("/v1/passengers/stats", { params: { query: { by: "sex", q: "typed" } } }), 200);
  same("stats", stats.groups[0]?.count, 1);

  const refused = await client.POST("/v1/passengers", { body: { ...input, passengerClass: 4 } });
  same("refused", refused.error?.errors?.map((fault) => ("pointer" in fault ? fault.pointer : "")), ["/passengerClass"]);
  same("deleted", (await client.DELETE("/v1/passengers/{uuid}", { params })).response.status, 204);
  same("gone", (await client.GET("/v1/passengers/{uuid}", { params })).response.status, 404);
}

async function employees(): Promise<void> {
  const input: components["schemas"]["EmployeeInput"] = { name: "Typed Person", age: 30, email: "typed@example.org" };
  const created = good(await client.POST("/v1/employees", {
    params: { header: { "Idempotency-Key": "typed-1" } }, body: input,
  }), 201);
  if ("items" in created) throw new Error("one was sent");
  const params = { path: { id: created.id } };
  same("read", good(await client.GET("/v1/employees/{id}", { params }), 200), created);
  same("replaced", good(await client.PUT("/v1/employees/{id}", { params, body: { ...input, age: 31 } }), 200).age, 31);
  same("changed", good(await client.PATCH("/v1/employees/{id}", { params, body: { age: 32 } }), 200).age, 32);
  const many = good(await client.PATCH("/v1/employees", { body: [{ id: created.id, age: 33 }] }), 200);
  same("changed with others", many.items.map((row) => row.age), [33]);
  const found = good(await client.GET("/v1/employees", { params: { query: { email: ["Typed@Example.org"] } } }), 200);
  same("found", found.items.map((row) => row.id), [created.id]);
  const taken = await client.POST("/v1/employees", { body: input });
  same("taken", [taken.response.status, taken.error?.type], [409, "/problems/conflict"]);
  same("deleted", (await client.DELETE("/v1/employees/{id}", { params })).response.status, 204);
}

passengers()
  .then(employees)
  .then(() => console.log("done"))
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
