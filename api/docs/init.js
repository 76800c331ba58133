// Shows this server's openapi.yaml in Swagger UI, so that trying an operation calls this server. The contract names the real
// service first, whose place a request that was only meant as a try must not take.
"use strict";

// The API's base URL is that of this page, less its own name: behind a proxy that may be more than an origin.
const here = new URL(".", document.baseURI).href.replace(/\/$/, "");

const FORM = "application/x-www-form-urlencoded";

// asTried returns the contract with this server as the only one, and with examples that make a first try succeed.
function asTried(contract) {
  // An example is filled in. For an Idempotency-Key that would make every try after the first one a repetition.
  for (const parameter of Object.values(contract.components?.parameters ?? {})) {
    if (parameter.in === "header") delete parameter.example;
  }
  for (const path of Object.values(contract.paths ?? {})) {
    for (const operation of Object.values(path)) fillIn(contract, operation?.requestBody?.content?.[FORM]);
  }
  return { ...contract, servers: [{ url: here, description: "This server." }] };
}

// fillIn has the form's required fields filled in from its first example, and all others left empty. Swagger UI does not look
// at the examples of a form; it would invent values, of which some are refused.
function fillIn(contract, form) {
  if (!form) return;
  const schema = contract.components.schemas[form.schema.$ref?.split("/").pop()] ?? form.schema;
  const example = Object.values(form.examples ?? {})[0]?.value ?? {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    property.example = schema.required?.includes(name) ? example[name] : "";
  }
}

SwaggerUIBundle({
  dom_id: "#reference",
  url: "openapi.yaml",
  validatorUrl: null, // the default sends the contract to a web site
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [{
    statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (contract) => update(asTried(contract)) } } },
  }],
});
