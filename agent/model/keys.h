#ifndef CUA_AGENT_KEYS_H
#define CUA_AGENT_KEYS_H

/* The keys of model APIs. They live in this process alone: no child inherits them, and no other
 * process of this user can read them from memory or from a core. */

#include "agent/model/catalogue.h"
#include "agent/secrets/store.h"

struct agent_keys;

/* Takes CUA_API_KEY and every variable that the catalogue names out of the environment and out
 * of the memory that /proc shows, and from the secrets those that it does not have; secrets may be
 * NULL. Before anything is started. */
CUA_NODISCARD enum cua_status agent_keys_take(const struct agent_catalogue *catalogue,
		const struct agent_secrets *secrets, struct agent_keys **ret_keys,
		struct cua_error *err);
void agent_keys_destroy(struct agent_keys *keys);

/* The first of the provider's variables that was set, and its value; NULL if none was. */
const char *agent_keys_of_provider(const struct agent_keys *keys,
		const struct agent_provider *provider, const char **ret_variable);

/**
 * agent_keys_choose() - the key for a model: CUA_API_KEY, else its provider's.
 * @ret_key: of keys; NULL where none is set and none is needed.
 *
 * Return: CUA_OK; CUA_ERR_INVAL if a key is needed and not set, or is none by its characters:
 *         the message says which variable.
 */
CUA_NODISCARD enum cua_status agent_keys_choose(const struct agent_keys *keys,
		const struct agent_model_choice *choice, const char **ret_key,
		struct cua_error *err);

#endif
