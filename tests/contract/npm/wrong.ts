// What the types of the contract refuse: the compiler must find a fault in each line that is marked.

import createClient from "openapi-fetch";
import type { paths } from "./contract";

const client = createClient<paths>({ baseUrl: "/" });

client.GET("/v1/nothing"); // wrong
client.GET("/v1/passengers", { params: { query: { limit: "ten" } } }); // wrong
client.GET("/v1/passengers/{uuid}", {}); // wrong
client.POST("/v1/employees", { body: { name: "Ada", age: 1 } }); // wrong
client.PATCH("/v1/passengers/{uuid}", { params: { path: { uuid: "" } }, body: { age: "old" } }); // wrong
