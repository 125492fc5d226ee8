/* Tools and resources of whoever embeds the server: what they take and do, it says. */

#include <errno.h>
#include <stdlib.h>

#include "cua/mcp/serve_internal.h"

/* --- tools --- */

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

/* --- resources --- */

static enum cua_status read_extra(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	const struct mcp_serve_extra_resource *extra = resource->subject;
	char *text = NULL;
	enum cua_status status = extra->read(extra, variable, call->session->client, &text, err);
	if (status == CUA_OK && !cJSON_AddStringToObject(content, "text", text)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resource");
	}
	free(text);
	return status;
}

static int watch_extra(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	const struct mcp_serve_extra_resource *extra = resource->subject;
	(void)serve;
	return extra->watch(extra, variable, client, err);
}

enum cua_status mcp_serve_add_extra_resources(struct mcp_serve *serve, struct cua_error *err)
{
	const struct mcp_serve_extra_resource *extras = serve->options.extra_resources;
	size_t count = 0;
	while (extras && extras[count].uri) {
		count++;
	}
	serve->extra_resources = calloc(count + 1, sizeof(*serve->extra_resources));
	if (!serve->extra_resources) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resources");
	}
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		serve->extra_resources[i] = (struct mcp_serve_resource){ .uri = extras[i].uri,
			.name = extras[i].name,
			.title = extras[i].title,
			.help = extras[i].help,
			.media_type = extras[i].media_type,
			.subject = &extras[i],
			.watch = extras[i].watch ? watch_extra : NULL,
			.read = read_extra };
		status = mcp_serve_add_resource(serve, &serve->extra_resources[i], err);
	}
	return status;
}
