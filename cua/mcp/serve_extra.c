/* Tools of whoever embeds the server: what they take and do, it says. */

#include "cua/mcp/serve_internal.h"

static enum cua_status run(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct mcp_serve_extra *extra = call->tool->subject;
	cJSON *answer = NULL;
	enum cua_status status = extra->run(extra, call->arguments, call->cancel_fd,
			call->session->client, &answer, err);
	if (status == CUA_OK) {
		mcp_serve_add_structured(result, answer);
	}
	return status;
}

enum cua_status mcp_serve_add_extras(struct mcp_serve *serve, struct cua_error *err)
{
	const struct mcp_serve_extra *const *extras = serve->options.extras;
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && extras && extras[i]; i++) {
		const struct mcp_serve_tool tool = { .name = extras[i]->name,
			.help = extras[i]->help,
			.effect = extras[i]->effect,
			.subject = extras[i],
			.run = run };
		status = mcp_serve_add(serve, &tool, extras[i]->schema(extras[i]), NULL, err);
	}
	return status;
}
