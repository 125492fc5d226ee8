#include "agent/model/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/contract/placeholder.h"

#define OWN_VARIABLE "CUA_API_KEY"

struct key {
	char variable[CUA_PLACEHOLDER_NAME_MAX + 1];
	char *value; /* owned; of sodium_malloc() */
};

struct agent_keys {
	struct key *list; /* owned; the variables that were set */
	size_t count;
};

static const char *find(const struct agent_keys *keys, const char *variable)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (strcmp(keys->list[i].variable, variable) == 0) {
			return keys->list[i].value;
		}
	}
	return NULL;
}

/* value: not empty. */
static enum cua_status add(struct agent_keys *keys, const char *variable, const char *value,
		struct cua_error *err)
{
	struct key *list = reallocarray(keys->list, keys->count + 1, sizeof(*list));
	const size_t size = strlen(value) + 1;
	keys->list = list ? list : keys->list;
	char *copy = list ? sodium_malloc(size) : NULL;
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "keys");
	}
	struct key *key = &list[keys->count++];
	snprintf(key->variable, sizeof(key->variable), "%s", variable);
	memcpy(copy, value, size);
	key->value = copy;
	return CUA_OK;
}

static enum cua_status take_variable(
		struct agent_keys *keys, const char *name, struct cua_error *err)
{
	char *value = getenv(name);
	if (!value) {
		return CUA_OK;
	}
	const enum cua_status status = value[0] ? add(keys, name, value, err) : CUA_OK;
	sodium_memzero(value, strlen(value));
	unsetenv(name);
	return status;
}

static enum cua_status take_kept(
		struct agent_keys *keys, const struct agent_secrets *secrets, struct cua_error *err)
{
	const struct agent_secret *secret = NULL;
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && secrets && (secret = agent_secrets_get(secrets, i));
			i++) {
		if (secret->is_api_key && !find(keys, secret->name)) {
			status = add(keys, secret->name, secret->value, err);
		}
	}
	return status;
}

enum cua_status agent_keys_take(const struct agent_catalogue *catalogue,
		const struct agent_secrets *secrets, struct agent_keys **ret_keys,
		struct cua_error *err)
{
	agent_secrets_shut_memory();
	struct agent_keys *keys = sodium_init() < 0 ? NULL : calloc(1, sizeof(*keys));
	if (!keys) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "keys");
	}
	const struct agent_provider *provider = NULL;
	enum cua_status status = take_variable(keys, OWN_VARIABLE, err);
	for (size_t i = 0; (provider = agent_catalogue_provider(catalogue, i)); i++) {
		for (size_t k = 0; k < AGENT_PROVIDER_KEYS_MAX && provider->keys[k][0]; k++) {
			if (status == CUA_OK) {
				status = take_variable(keys, provider->keys[k], err);
			}
		}
	}
	if (status == CUA_OK) {
		status = take_kept(keys, secrets, err);
	}
	if (status != CUA_OK) {
		agent_keys_destroy(keys);
		return status;
	}
	*ret_keys = keys;
	return CUA_OK;
}

void agent_keys_destroy(struct agent_keys *keys)
{
	if (!keys) {
		return;
	}
	for (size_t i = 0; i < keys->count; i++) {
		sodium_free(keys->list[i].value);
	}
	free(keys->list);
	free(keys);
}

const char *agent_keys_of_provider(const struct agent_keys *keys,
		const struct agent_provider *provider, const char **ret_variable)
{
	for (size_t k = 0; k < AGENT_PROVIDER_KEYS_MAX && provider->keys[k][0]; k++) {
		const char *value = find(keys, provider->keys[k]);
		if (value) {
			*ret_variable = provider->keys[k];
			return value;
		}
	}
	return NULL;
}

static enum cua_status check_characters(
		const char *key, const char *variable, struct cua_error *err)
{
	for (const char *at = key; at && *at; at++) {
		if (*at <= ' ' || *at > '~') {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"the key in %s holds a character that no key has",
					variable);
		}
	}
	return CUA_OK;
}

enum cua_status agent_keys_choose(const struct agent_keys *keys,
		const struct agent_model_choice *choice, const char **ret_key,
		struct cua_error *err)
{
	const char *variable = OWN_VARIABLE;
	const char *key = find(keys, OWN_VARIABLE);
	if (!key) {
		key = agent_keys_of_provider(keys, &choice->provider, &variable);
	}
	if (!key && choice->needs_key) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s of %s needs a key: set %s%s" OWN_VARIABLE
				" to it, or keep it with cua secret set --api-key",
				choice->model, choice->provider.name, choice->provider.keys[0],
				choice->provider.keys[0][0] ? " or " : "");
	}
	enum cua_status status = check_characters(key, variable, err);
	if (status == CUA_OK) {
		*ret_key = key;
	}
	return status;
}
