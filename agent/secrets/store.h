#ifndef CUA_AGENT_SECRETS_STORE_H
#define CUA_AGENT_SECRETS_STORE_H

/* What a person has given cua to keep: values that an agent may have typed, and keys of model APIs.
 * On the disk they are sealed (XSalsa20-Poly1305 of libsodium), in memory each lies between guard
 * pages, locked and left out of cores. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define AGENT_SECRETS_MAX 256
#define AGENT_SECRET_PLACES_MAX 16
#define AGENT_SECRET_PLACE_BYTES_MAX 300
#define AGENT_SECRET_VALUE_MAX 4096 /* bytes */
/* A shorter value is found by chance, and hiding it would spoil what it is found in. */
#define AGENT_SECRET_VALUE_MIN 8

struct agent_secret {
	char *value;      /* owned; UTF-8 without control characters */
	cJSON *about;     /* owned; all of it but the value */
	const char *name; /* of about, as what follows */
	bool is_api_key;  /* of a model: never typed */
	/* Lists of texts: patterns of a window's class or title; origins in one spelling. */
	const cJSON *windows, *origins;
	int64_t set_s; /* when, in seconds since 1970 */
};

struct agent_secrets;

/**
 * agent_secrets_open() - read what is kept.
 *
 * Nothing was ever kept: none are there. Return: CUA_OK; CUA_ERR_POLICY if a file was changed, can
 * be read by others, or its key is not there; CUA_ERR_IO; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_secrets_open(
		struct agent_secrets **ret_secrets, struct cua_error *err);
/* The same to change them: nobody else changes them before agent_secrets_close(). */
CUA_NODISCARD enum cua_status agent_secrets_edit(
		struct agent_secrets **ret_secrets, struct cua_error *err);
/* Wipes them from memory. NULL is fine. */
void agent_secrets_close(struct agent_secrets *secrets);

/* In the order of their names; NULL behind the last. */
const struct agent_secret *agent_secrets_get(const struct agent_secrets *secrets, size_t index);
const struct agent_secret *agent_secrets_find(
		const struct agent_secrets *secrets, const char *name);

/**
 * agent_secrets_set() - keep a value, in the place of one of the same name.
 * @windows, @origins: lists of texts, duplicated; NULL for none. A value that is no key of a model
 * needs one of them.
 *
 * Return: CUA_OK; CUA_ERR_INVAL, and the message says what is allowed, never the value;
 *         CUA_ERR_TOO_LARGE; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_secrets_set(struct agent_secrets *secrets, const char *name,
		const char *value, bool is_api_key, const cJSON *windows, const cJSON *origins,
		struct cua_error *err);
/* CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status agent_secrets_remove(
		struct agent_secrets *secrets, const char *name, struct cua_error *err);
/* Writes them back: all of it or nothing. Makes the key with the first. */
CUA_NODISCARD enum cua_status agent_secrets_save(
		const struct agent_secrets *secrets, struct cua_error *err);

/* No core of this process, and no other process of the user reads its memory. */
void agent_secrets_shut_memory(void);

#endif
