/* Shows the contract of the service that this page came from. Nobody else is asked: no validator, no fonts. */
"use strict";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#contract",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null,
});
