#ifndef CUA_AGENT_CATALOGUE_H
#define CUA_AGENT_CATALOGUE_H

/* Providers and models: agent/model/models.json, which is part of the program, and over it the
 * user's own file of the same form. README.md says what may stand in them.
 *
 * A model is described by all entries whose name matches it, a glob without regard to case, one
 * after the other: what a later one says counts. */

#include <stdbool.h>
#include <stddef.h>

#include "agent/model/model.h"
#include "agent/model/model_spec.h"
#include "cua/base/error.h"

#define AGENT_PROVIDER_KEYS_MAX 4

struct agent_provider {
	char name[40];
	char api[24];
	char base_url[256];
	char base_url_variable[64];             /* of the environment, goes before base_url */
	char keys[AGENT_PROVIDER_KEYS_MAX][64]; /* variables of the environment, in order */
	char key_header[64];                    /* "": as the API has it */
	bool needs_key;
	unsigned image_types; /* of enum agent_image_type, that it passes on; 0: what a model takes
			       */
	char note[128];
};

struct agent_catalogue;

/**
 * agent_catalogue_load() - read both files.
 * @path: the user's file; NULL: agent_catalogue_path(), which need not be there.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with file, line and column; CUA_ERR_NOT_FOUND; CUA_ERR_IO;
 *         CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_catalogue_load(
		const char *path, struct agent_catalogue **ret_catalogue, struct cua_error *err);
void agent_catalogue_destroy(struct agent_catalogue *catalogue);

/* $CUA_MODELS, else models.json in $XDG_CONFIG_HOME/cua, else in ~/.config/cua. */
CUA_NODISCARD enum cua_status agent_catalogue_path(char *path, size_t size, struct cua_error *err);

/* What the user asks for. Only model is needed; "PROVIDER/MODEL" chooses the provider too. */
struct agent_model_wish {
	const char *model, *api, *base_url;
};

/* What that comes to. */
struct agent_model_choice {
	char model[160];
	char api[24];
	char base_url[512]; /* without a slash at its end */
	bool is_listed;     /* an entry of the catalogue matches */
	bool needs_key;
	struct agent_provider provider; /* name "" if the server is none of them */
	struct agent_model_spec spec;
};

/**
 * agent_catalogue_choose() - API, address and limits of a model.
 *
 * A base URL of a known provider is that provider; a model that is not listed, at an address
 * that is not either, is spoken to as "chat".
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND if neither model nor address say who serves it;
 *         CUA_ERR_INVAL for an API that is not there, or names that are too long.
 */
CUA_NODISCARD enum cua_status agent_catalogue_choose(const struct agent_catalogue *catalogue,
		const struct agent_model_wish *wish, struct agent_model_choice *ret_choice,
		struct cua_error *err);

/* The names of the models, those of patterns left out, in the order of the files; NULL behind
 * the last. */
const char *agent_catalogue_model(const struct agent_catalogue *catalogue, size_t index);
/* The providers likewise. */
const struct agent_provider *agent_catalogue_provider(
		const struct agent_catalogue *catalogue, size_t index);

/* US dollars of one request; NAN if a price that it takes is not known. */
double agent_usage_cost(const struct agent_prices *prices, const struct agent_usage *usage);

#endif
