package config

// table lists the keys of one map of the file. It is what the decoder takes and
// what the JSON Schema says, so that the two cannot differ.
type table []key

// key is one of them.
type key struct {
	name string
	is   object // its JSON Schema
	must bool   // the decoder has a sentence for its absence
	doc  string
}

func (t table) names() []string {
	out := make([]string, len(t))
	for i, k := range t {
		out[i] = k.name
	}
	return out
}

var fileTable = table{
	{name: "server", is: mapOf(serverTable), doc: "The data plane: the port that serves the mapped API."},
	{name: "admin", is: mapOf(adminTable), doc: "The control plane: metrics, mappings, purge, the graph."},
	{name: "store", is: mapOf(storeTable), doc: "Where responses are kept."},
	{name: "log", is: mapOf(logTable), doc: "What is logged on standard error, and how."},
	{name: "self_check", is: mapOf(selfCheckTable), doc: "How often answers are compared with the source behind the scenes."},
	{name: "sources", is: namedMaps(sourceTable, `^[A-Za-z0-9._-]{1,64}$`), must: true, doc: "The databases and APIs behind the endpoints, by name."},
	{name: "defaults", is: mapOf(defaultsTable), doc: "What endpoints take unless they say otherwise."},
	{name: "endpoints", is: object{"type": "array", "maxItems": MaxEndpoints, "items": refTo("endpoint")}, doc: "The mapped routes."},
}

var serverTable = table{
	{name: "listen", is: text, doc: "HOST:PORT of the data plane; 127.0.0.1:8080 by default."},
	{name: "tls", is: mapOf(tlsTable), doc: "Serve HTTPS; plain HTTP without."},
	{name: "cors", is: mapOf(corsTable), doc: "Which pages of other origins may use the API."},
	{name: "auth", is: mapOf(authTable), doc: "Whose requests are answered; everybody's without."},
	{name: "trusted_proxies", is: texts(maxProxies), doc: "Networks whose word about the client's address is taken."},
}

var adminTable = table{
	{name: "listen", is: text, doc: "HOST:PORT of the control plane; 127.0.0.1:8081 by default. Anything but loopback needs a token."},
	{name: "token", is: object{"type": "string"}, doc: "Asked for as Authorization: Bearer TOKEN; empty for none."},
	{name: "tls", is: mapOf(tlsTable), doc: "Serve HTTPS; plain HTTP without."},
}

var tlsTable = table{
	{name: "cert", is: text, must: true, doc: "PEM file of the certificate and its chain."},
	{name: "key", is: text, must: true, doc: "PEM file of its private key."},
}

var corsTable = table{
	{name: "origins", is: texts(maxOrigins), must: true, doc: "Origins such as https://app.example.com, or \"*\" for any."},
	{name: "headers", is: texts(maxCORSNames), doc: "Request headers that pages may send besides those that the endpoints read."},
	{name: "expose", is: texts(maxCORSNames), doc: "Response headers that pages may read besides the usual ones."},
	{name: "credentials", is: truth, doc: "Let pages send cookies and Authorization; not with any origin."},
	{name: "max_age", is: durationOrNone, doc: "How long browsers may keep a preflight; 10m by default."},
}

var authTable = table{
	{name: "tokens", is: object{"type": "array", "maxItems": MaxTokens, "items": mapOf(tokenTable)}, doc: "Static tokens and the claims that they stand for."},
	{name: "jwt", is: mapOf(jwtTable), doc: "Which JSON Web Tokens are believed."},
}

var tokenTable = table{
	{name: "token", is: text, must: true, doc: "The token; take it from the environment: ${API_TOKEN}."},
	{name: "claims", is: object{"type": "object"}, doc: "Claims that parameters declared in: claim can take."},
}

var jwtTable = table{
	{name: "jwks", is: text, must: true, doc: "File or https URL of the issuer's keys."},
	{name: "issuer", is: text, doc: "The iss that is asked for; any without."},
	{name: "audience", is: texts(16), doc: "The aud, one of which is asked for; any without."},
	{name: "algorithms", is: listOf(oneOf(algorithms...)), doc: "Signatures that count; RS256, ES256 and EdDSA by default."},
	{name: "leeway", is: durationOrNone, doc: "How far clocks may differ; 30s by default."},
}

var storeTable = table{
	{name: "path", is: text, doc: "\":memory:\" (default), or a file that keeps responses and run-time mappings over a restart."},
	{name: "max_memory", is: size, doc: "Bytes of responses and their edges; 128MiB by default. The least valuable go first."},
}

var logTable = table{
	{name: "format", is: oneOf(LogText, LogJSON), doc: "text (default) or json, one line each."},
	{name: "level", is: oneOf(LogDebug, LogInfo, LogWarn, LogError), doc: "The least that is logged; info by default."},
	{name: "access", is: object{"anyOf": []any{object{"enum": []any{Off, AccessErrors, AccessAll, false}}, fromEnv}},
		doc: "A line for each answered request: off (default), errors (status 400 and above) or all."},
	{name: "access_one_in", is: count(maxAccessOneIn), doc: "With access: all, one in so many answers below 400 has a line; 1 by default."},
	{name: "access_urls", is: truth, doc: "Show paths and parameters, which may be personal data; false by default: the endpoint and its route."},
}

var selfCheckTable = table{
	{name: "one_in", is: object{"anyOf": []any{object{"type": "integer", "minimum": 0, "maximum": maxSelfCheck}, object{"type": "string", "pattern": `^[0-9]+$|` + reference}}},
		doc: "One hit in so many is compared with the source behind the scenes; 10000 by default, 0 for never."},
}

var sourceTable = table{
	{name: "driver", is: oneOf(DriverSQLite, DriverMySQL, DriverHTTP), doc: "sqlite (default), mysql (MySQL, MariaDB, TiDB) or http."},
	{name: "dsn", is: text, must: true, doc: "A database file, user:password@tcp(host:3306)/database, or a base URL."},
	{name: "init", is: text, doc: "SQL file that is run when a sqlite database is absent or empty."},
	{name: "poll", is: durationOrNone, doc: "How often what others wrote is looked for; 50ms by default for sqlite, 250ms for the schema of mysql. 0: only when something is written through EdgeCache."},
	{name: "schema", is: text, doc: "http only: DDL that tells keys, defaults and types."},
	{name: "unmapped", is: oneOf("pass", "cache"), doc: "http only: what becomes of routes that are not mapped."},
}

var defaultsTable = table{
	{name: "ttl", is: duration, doc: "How long a response may be served; 24h by default."},
	{name: "consistency", is: oneOf(Strict, Eventual), doc: "strict (default): never a response from before a write that was answered; eventual: served until the write settles."},
	{name: "rehydrate", is: rehydrate, doc: "eager (default): refreshed behind the scenes; lazy: when next asked for; off: dropped."},
}

var endpointTable = table{
	{name: "name", is: text, doc: "What it is called in the log and in commands; its route by default."},
	{name: "route", is: object{"type": "string", "pattern": `^\s*(GET|POST|PUT|PATCH|DELETE) /[^\s?#%]*\s*$|` + reference}, must: true, doc: "Method and path, such as GET /v1/users/{id}."},
	{name: "source", is: text, doc: "The source; may be left out when there is one."},
	{name: "sql", is: object{"anyOf": []any{text, object{"type": "array", "minItems": 1, "maxItems": MaxStatements, "items": text}}}, must: true,
		doc: "The statement, with :name parameters. A write may list several, which run in one transaction."},
	{name: "params", is: namedMaps(paramTable, `^[A-Za-z_][A-Za-z0-9_]*$`), doc: "What is declared about parameters."},
	{name: "result", is: oneOf(Many, One), doc: "many (default): an array; one: the first row, or 404."},
	{name: "ttl", is: duration, doc: "How long a response may be served."},
	{name: "client_ttl", is: durationOrNone, doc: "How long clients may keep a copy of their own, beyond the promise of freshness."},
	{name: "consistency", is: oneOf(Strict, Eventual), doc: "strict: never a response from before a write that was answered, and reads and writes are linearizable; eventual: a response is served until the write that may change it has settled."},
	{name: "rehydrate", is: rehydrate, doc: "eager, lazy or off: what becomes of a response that a write changed."},
	{name: "stale_while_revalidate", is: durationOrNone, doc: "For how long an outdated response may be given while it is read again; only with consistency: eventual."},
	{name: "stale_if_error", is: durationOrNone, doc: "For how long an outdated response may be given instead of trouble with the source; only with consistency: eventual."},
	{name: "vary", is: texts(MaxVary), doc: "Request headers that are part of the key."},
	{name: "cache", is: truth, doc: "false: never keep a response."},
	{name: "depends_on", is: texts(1000), doc: "Tables, for SQL that the analyser cannot read."},
	{name: "records", is: texts(100), doc: "http only: JSON paths of record keys."},
	{name: "tags", is: texts(100), doc: "Names for purge."},
	{name: "auth", is: oneOf(AuthRequired, AuthOptional, AuthNone), doc: "Whether a token is asked for, where the file has server.auth."},
	{name: "max_rows", is: count(MaxRows), doc: "Rows of an answer; past it an error names the limit."},
	{name: "max_bytes", is: size, doc: "Bytes of an answer; past it an error names the limit."},
	{name: "timeout", is: duration, doc: "How long its statements may take."},
}

var paramTable = table{
	{name: "type", is: oneOf(types...), doc: "How a value is read; by default as the column that it meets."},
	{name: "in", is: oneOf(places...), doc: "Where it comes from; by default the path, then the query string (reads) or the body (writes)."},
	{name: "claim", is: text, doc: "With in: claim, the dotted path of the claim; its own name by default."},
	{name: "required", is: truth, doc: "Absent is an error, not NULL."},
	{name: "default", is: object{"anyOf": []any{scalar, object{"type": "array", "items": scalar}}}, doc: "What absent means."},
	{name: "min", is: number, doc: "The least number."},
	{name: "max", is: number, doc: "The greatest number; of a list, how many values it takes."},
	{name: "choices", is: object{"anyOf": []any{
		object{"type": "array", "minItems": 1, "maxItems": MaxChoices, "items": scalar},
		object{"type": "object", "minProperties": 1, "maxProperties": MaxChoices, "additionalProperties": text},
	}}, doc: "The allowed values; a map gives the SQL that each stands for."},
}

var (
	types  = []string{TypeInt, TypeFloat, TypeDecimal, TypeString, TypeBool, TypeGlob, TypeList, TypeChoice}
	places = []string{InPath, InQuery, InBody, InHeader, InClaim}
)
