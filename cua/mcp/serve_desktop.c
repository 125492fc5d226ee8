/* The connection of a session to the desktop that it acts on. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* Which model looks at the pictures, the host does not tell. What is larger than this is scaled
 * down by one API or another, in the host or behind it, and coordinates would then be of a picture
 * that nobody has said anything of. */
static const struct agent_image_limits picture_limits = { .max_side = 1568,
	.max_pixels = 1568 * 784 };

enum cua_status mcp_serve_link_init(struct mcp_serve_link *link, struct cua_error *err)
{
	*link = (struct mcp_serve_link){ .cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (link->cancel_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "eventfd");
	}
	pthread_mutex_init(&link->mutex, NULL);
	return CUA_OK;
}

static void disconnect(struct mcp_serve_link *link)
{
	agent_desktop_destroy(CUA_STEAL(link->client));
}

void mcp_serve_link_finish(struct mcp_serve_link *link)
{
	disconnect(link);
	cua_closep(&link->cancel_fd);
	pthread_mutex_destroy(&link->mutex);
}

enum cua_status mcp_serve_call_desktop(const struct mcp_serve_call *call,
		struct mcp_serve_desktop *ret_desktop, struct cua_error *err)
{
	const struct mcp_serve_options *options = &call->session->serve->options;
	if (call->desktop && !cJSON_IsString(call->desktop)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "desktop must be a string");
	}
	return options->open_desktop(
			cJSON_GetStringValue(call->desktop), ret_desktop, options->user_data, err);
}

/* The one that is connected, unless another is meant now. */
static enum cua_status connect_to(struct mcp_serve_call *call,
		const struct mcp_serve_desktop *desktop, struct cua_error *err)
{
	struct mcp_serve_link *link = &call->session->link;
	if (link->client && strcmp(link->desktop.socket_path, desktop->socket_path) == 0) {
		return CUA_OK;
	}
	disconnect(link);
	link->desktop = *desktop;
	enum cua_status status = agent_desktop_create(
			desktop->socket_path, link->cancel_fd, &link->client, err);
	if (status == CUA_OK) {
		mcp_serve_watches_look(call->session->serve); /* it may be a new one */
		mcp_serve_log(call, MCP_SERVE_INFO, "desktop", "the desktop is %s from here on",
				desktop->name);
	}
	return status;
}

/* Why nothing came back is known here better than where it was missed. */
static enum cua_status explain(
		struct mcp_serve_call *call, enum cua_status status, struct cua_error *err)
{
	const struct mcp_serve_link *link = &call->session->link;
	if (status == CUA_ERR_CLOSED) {
		mcp_serve_log(call, MCP_SERVE_WARNING, "desktop", "the host of desktop %s is gone",
				link->desktop.name);
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the host of desktop %s is gone, and what was under way may have "
				"been done: take a screenshot, and go on from what it shows",
				link->desktop.name);
	}
	return status;
}

static enum cua_status copy_screen(const struct agent_desktop *client,
		struct mcp_serve_acted *acted, struct cua_error *err)
{
	const struct agent_image *screen = agent_desktop_screen(client);
	if (!screen) {
		return CUA_OK;
	}
	acted->screen = strdup(screen->base64);
	acted->screen_type = screen->media_type;
	acted->size = agent_desktop_size(client);
	acted->view = (struct cua_point){ screen->width, screen->height };
	return acted->screen ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
}

static enum cua_status act(struct mcp_serve_call *call, const struct mcp_serve_desktop *desktop,
		const cJSON *actions, struct mcp_serve_acted *acted, struct cua_error *err)
{
	struct mcp_serve_link *link = &call->session->link;
	/* What cancels the call is what the connection looks at from here on. */
	if (dup3(call->cancel_fd, link->cancel_fd, O_CLOEXEC) < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "dup3");
	}
	enum cua_status status = connect_to(call, desktop, err);
	if (status == CUA_OK) {
		status = agent_desktop_fit(link->client, &picture_limits, err);
	}
	if (status == CUA_OK) {
		status = agent_desktop_act(link->client, actions, &acted->outcome, err);
	}
	/* Of a person who has the input, the screen is none of the model's business. */
	if (status == CUA_OK && acted->outcome.status != CUA_ERR_PERSON) {
		status = copy_screen(link->client, acted, err);
	}
	if (status != CUA_OK) {
		disconnect(link);
	}
	return status == CUA_OK ? CUA_OK : explain(call, status, err);
}

enum cua_status mcp_serve_act(struct mcp_serve_call *call, const cJSON *actions,
		struct mcp_serve_acted *ret_acted, struct cua_error *err)
{
	struct mcp_serve_link *link = &call->session->link;
	struct mcp_serve_acted acted = { 0 };
	struct mcp_serve_desktop desktop;
	pthread_mutex_lock(&link->mutex);
	enum cua_status status = !mcp_serve_call_is_open(call)
			? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled")
			: mcp_serve_call_desktop(call, &desktop, err);
	if (status == CUA_OK) {
		status = act(call, &desktop, actions, &acted, err);
	}
	pthread_mutex_unlock(&link->mutex);
	if (status != CUA_OK) {
		mcp_serve_acted_finish(&acted);
		return status;
	}
	*ret_acted = acted;
	return CUA_OK;
}

enum cua_status mcp_serve_act_one(struct mcp_serve_call *call, const char *action,
		struct mcp_serve_acted *ret_acted, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *actions = cJSON_CreateArray();
	cJSON *one = cJSON_CreateObject();
	cJSON_AddStringToObject(one, "action", action);
	cJSON_AddItemToArray(actions, one);
	enum cua_status status = mcp_serve_act(call, actions, ret_acted, err);
	if (status == CUA_OK && ret_acted->outcome.status != CUA_OK) {
		status = CUA_FAIL(err, ret_acted->outcome.status, 0, "%s",
				ret_acted->outcome.message);
		mcp_serve_acted_finish(ret_acted);
	}
	return status;
}

void mcp_serve_acted_finish(struct mcp_serve_acted *acted)
{
	agent_outcome_finish(&acted->outcome);
	free(acted->screen);
	*acted = (struct mcp_serve_acted){ 0 };
}
