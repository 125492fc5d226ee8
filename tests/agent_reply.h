#ifndef CUA_TESTS_AGENT_REPLY_H
#define CUA_TESTS_AGENT_REPLY_H

/* What the tests of the adapters share: an answer in pieces, and the body of a request. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/model/model_api.h"

#define REPLY_KEY "sk-secret-0123456789"

/* A conversation over an API with nobody: nothing is sent. */
#define REPLY_CONFIG(name) \
	{ \
		.api = (name), .model = "m", .base_url = "http://127.0.0.1", .api_key = REPLY_KEY, \
		.spec = &agent_model_spec_unknown, .session = "run-1", .screen = { 1280, 800 }, \
		.cancel_fd = -1 \
	}

/* A copy with ' made ", for JSON in C. */
char *quoted(const char *text);

/* A whole answer, so many bytes at a time; the caller finishes the reply. */
enum cua_status hear(const struct agent_model_api *api, struct model_reply *reply,
		const struct agent_model_config *config, const char *text, size_t len, size_t piece,
		struct cua_error *why);

/* Cut behind any number of bytes below len, the answer is not over. */
void expect_no_end(const struct agent_model_api *api, const struct agent_model_config *config,
		const char *text, size_t len);

/* What is sent next; the caller owns both. */
char *body_text(const struct agent_model_api *api, void *talk);
cJSON *body_json(const struct agent_model_api *api, void *talk);

#endif
