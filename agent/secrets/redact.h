#ifndef CUA_AGENT_SECRETS_REDACT_H
#define CUA_AGENT_SECRETS_REDACT_H

/* Keeps known values out of what is written down, shown, or told to a model: exactly these values,
 * as they are and as programs spell them. Everything that leaves a run goes through here. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "agent/secrets/store.h"
#include "cua/base/error.h"

/* A key of a model that is shorter is a word for a server that wants none ("EMPTY", "ollama", "x"):
 * hiding it would spoil what a model says and does with the same word. */
#define AGENT_KEY_HIDDEN_MIN 16

struct agent_redactor;

/* With all that is kept; secrets may be NULL. */
CUA_NODISCARD enum cua_status agent_redactor_create(const struct agent_secrets *secrets,
		struct agent_redactor **ret_redactor, struct cua_error *err);
void agent_redactor_destroy(struct agent_redactor *redactor);
/* A value of fewer than AGENT_SECRET_VALUE_MIN bytes hides nothing. */
CUA_NODISCARD enum cua_status agent_redactor_add(struct agent_redactor *redactor, const char *name,
		const char *value, struct cua_error *err);

/* With a redactor of NULL, all of these leave everything as it is. They find a value as it is; with
 * the escapes of JSON, also of JSON quoted in JSON; with percent signs; with the entities of HTML;
 * in hexadecimal digits; in base64 of either alphabet, wherever in the bytes that were encoded it
 * begins, broken into lines or not; and so its UTF-16LE. */

/* Overwrites each with asterisks: JSON stays JSON, and everything its place. How many there were.
 */
size_t agent_redact_blot(const struct agent_redactor *redactor, char *text, size_t len);
/* Puts "{{secret:NAME}}" in the place of each, in a text of malloc(). If memory runs out,
 * asterisks. How many there were. */
size_t agent_redact(const struct agent_redactor *redactor, char **text);
/* The same of all texts in it, names of members among them; NULL is fine. */
size_t agent_redact_json(const struct agent_redactor *redactor, cJSON *json);
/* The same in a place of a fixed size: what does not fit any more is cut off. */
void agent_redact_fixed(const struct agent_redactor *redactor, char *text, size_t size);

bool agent_redact_finds(const struct agent_redactor *redactor, const void *bytes, size_t len);
/* How many of the last bytes of a text that is to go on may begin one. */
size_t agent_redact_begun(const struct agent_redactor *redactor, const char *text, size_t len);

#endif
