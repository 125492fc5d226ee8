#ifndef CUA_SERVER_STORE_SCHEMA_H
#define CUA_SERVER_STORE_SCHEMA_H

/* The tables, step by step: a store that has the first N gets the others. A step that was released
 * is never changed. Times are milliseconds since 1970. */
static const char *const store_schema[] = {
	"CREATE TABLE tokens ("
	"  id TEXT PRIMARY KEY,"
	"  kind TEXT NOT NULL," /* api, session, login */
	"  name TEXT NOT NULL,"
	"  hash BLOB NOT NULL," /* BLAKE2b of the whole token */
	"  scopes INTEGER NOT NULL,"
	"  csrf TEXT," /* of a session: what its page sends along */
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER,"
	"  used_ms INTEGER"
	") STRICT;"
	"CREATE TABLE projects ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  defaults_json TEXT NOT NULL," /* of runs: as in a request for one */
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE runs ("
	"  id TEXT PRIMARY KEY,"
	"  project TEXT NOT NULL REFERENCES projects(id),"
	"  task TEXT NOT NULL,"
	"  settings_json TEXT NOT NULL,"
	"  state TEXT NOT NULL," /* queued, starting, running, or how it ended */
	"  by TEXT NOT NULL,"    /* name of the token that it was asked for with */
	"  created_ms INTEGER NOT NULL,"
	"  started_ms INTEGER,"
	"  ended_ms INTEGER,"
	"  starts INTEGER NOT NULL DEFAULT 0,"
	"  error TEXT,"
	"  answer TEXT,"
	"  model TEXT,"
	"  steps INTEGER NOT NULL DEFAULT 0,"
	"  actions INTEGER NOT NULL DEFAULT 0,"
	"  ms REAL NOT NULL DEFAULT 0,"
	"  input_tokens REAL NOT NULL DEFAULT 0,"
	"  output_tokens REAL NOT NULL DEFAULT 0,"
	"  cost_usd REAL"
	") STRICT;"
	"CREATE INDEX runs_by_state ON runs(state);"
	"CREATE INDEX runs_by_project ON runs(project, id);"
	"CREATE TABLE answers (" /* of people, to what runs asked */
	"  question TEXT PRIMARY KEY,"
	"  run TEXT NOT NULL,"
	"  asked_json TEXT NOT NULL,"
	"  answer TEXT NOT NULL,"
	"  by TEXT NOT NULL,"
	"  answered_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE idempotency ("
	"  token TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  request BLOB NOT NULL," /* BLAKE2b of method, path and body */
	"  status INTEGER,"        /* NULL: begun */
	"  answer TEXT,"
	"  created_ms INTEGER NOT NULL,"
	"  PRIMARY KEY (token, key)"
	") STRICT;"
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value_json TEXT NOT NULL) STRICT;",
	"CREATE TABLE plain_desktops (" /* of plain routes, before they start until they are gone */
	"  name TEXT PRIMARY KEY,"
	"  created_ms INTEGER NOT NULL"
	") STRICT;",
	"CREATE TABLE deliveries (" /* to webhooks */
	"  id TEXT PRIMARY KEY,"
	"  url TEXT NOT NULL,"
	"  thing TEXT NOT NULL," /* the question, or the run */
	"  body TEXT NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  next_ms INTEGER," /* NULL: taken, or given up */
	"  error TEXT,"
	"  UNIQUE (url, thing)"
	") STRICT;",
	/* Of a run that is over: its trace was not taken yet. */
	("ALTER TABLE runs ADD COLUMN trace_waits INTEGER NOT NULL DEFAULT 0;"
	 "CREATE INDEX runs_by_trace ON runs(trace_waits) WHERE trace_waits = 1;"),
};

#endif
