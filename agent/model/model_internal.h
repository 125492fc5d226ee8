#ifndef CUA_AGENT_MODEL_INTERNAL_H
#define CUA_AGENT_MODEL_INTERNAL_H

/* Between model.c and model_request.c; no API includes it. */

#include "agent/model/model_api.h"
#include "agent/model/model_pictures.h"
#include "cua/base/http_client.h"

struct agent_model {
	struct agent_model_config config; /* its strings are those below, and the key */
	char *model, *base_url, *session, *instructions; /* owned */
	struct model_pictures *pictures;                 /* owned */
	struct agent_redactor *redactor;                 /* owned; NULL: it is that of the caller */
	const struct agent_model_api *api;
	void *self; /* owned; of the API */
	struct cua_http_client *http;
	struct cua_buffer url;
};

/* A complete answer to a turn, which becomes part of the conversation. */
CUA_NODISCARD enum cua_status model_take_items(struct agent_model *model,
		const struct model_items *items, struct agent_turn *ret_turn,
		struct cua_error *err);

#endif
