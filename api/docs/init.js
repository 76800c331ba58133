// Shows this server's openapi.yaml in Swagger UI, so that trying an operation calls this server. The contract names the real
// service first, whose place a request that was only meant as a try must not take.
"use strict";

// here returns the base URL of a contract's paths, relative to this page: behind a proxy that may be more than an origin. The paths
// of the operator API begin with the folder of its page.
function here(contract) {
  const operator = Object.keys(contract.paths ?? {}).every((path) => path.startsWith("/operator/"));
  return new URL(operator ? ".." : ".", document.baseURI).href.replace(/\/$/, "");
}

const FORM = "application/x-www-form-urlencoded";

// asTried returns the contract with this server as the only one, and with examples that make a first try succeed.
function asTried(contract) {
  // An example is filled in: a Sid that does not exist, an Idempotency-Key that makes each further try a repetition.
  for (const parameter of Object.values(contract.components?.parameters ?? {})) delete parameter.example;
  for (const path of Object.values(contract.paths ?? {})) {
    for (const operation of Object.values(path)) fillIn(contract, operation?.requestBody?.content?.[FORM]);
  }
  return { ...contract, servers: [{ url: here(contract), description: "This server." }] };
}

// fillIn has the form's required fields filled in from its first example, and all others left empty. Swagger UI does not look
// at the examples of a form; it would invent values, of which some are refused.
function fillIn(contract, form) {
  if (!form) return;
  const resolved = (schema) => contract.components.schemas[schema.$ref?.split("/").pop()] ?? schema;
  const schema = resolved(form.schema);
  const example = Object.values(form.examples ?? {})[0]?.value ?? {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    schema.properties[name] = { ...resolved(property), example: schema.required?.includes(name) ? example[name] : "" };
  }
}

// notSentIfEmpty changes the default of the box "Send empty value": a field that is left empty is left out.
const notSentIfEmpty = (Original, system) => (props) => system.React.createElement(Original, {
  ...props, isIncludedOptions: { ...props.isIncludedOptions, defaultValue: false },
});

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
    wrapComponents: { ParameterIncludeEmpty: notSentIfEmpty },
  }],
});
