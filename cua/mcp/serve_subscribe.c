/* Subscribing to news of resources. In the newest revision that is a request that goes on until its
 * client hangs up; before, there are two methods, and the news come on stdio beside all else, over
 * HTTP on the stream of a GET. */

#include <errno.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_http.h"
#include "cua/mcp/serve_internal.h"

#define SUBSCRIPTIONS "resourceSubscriptions"
#define META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

/* params is taken. */
static void notify(struct mcp_serve_call *call, const char *method, cJSON *params)
{
	pthread_mutex_lock(&call->mutex);
	if (call->is_cancelled) {
		cJSON_Delete(params);
	} else {
		mcp_serve_notify(&call->out, method, params);
	}
	pthread_mutex_unlock(&call->mutex);
}

static cJSON *with_uri(const char *uri)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "uri", uri);
	return params;
}

static void tell(const char *uri, void *user_data)
{
	notify(user_data, "notifications/resources/updated", with_uri(uri));
}

static struct mcp_serve_watch *hold(struct mcp_serve_call *call, const char *key)
{
	return mcp_serve_watch_hold(call->session->serve, key);
}

static enum cua_status fail_full(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
			"as many clients as may have subscribed to resources");
}

/* --- the revisions with a handshake --- */

/* Over HTTP each request holds it for itself. */
static struct mcp_serve_watch *session_watch(struct mcp_serve_call *call)
{
	struct mcp_serve_session *session = call->session;
	if (session->key) {
		return hold(call, session->key);
	}
	pthread_mutex_lock(&session->mutex);
	if (!session->watch) {
		session->watch = hold(call, NULL);
	}
	pthread_mutex_unlock(&session->mutex);
	return session->watch;
}

static enum cua_status subscribe(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const char *uri = cua_json_text(call->arguments, "uri");
	struct mcp_serve_watch *watch = session_watch(call);
	enum cua_status status = watch ? mcp_serve_watch_add(watch, call->session->client, uri, err)
				       : fail_full(err);
	if (status == CUA_ERR_NOT_FOUND) {
		mcp_serve_set_not_found(call, uri, result);
	} else if (status == CUA_OK) {
		result->whole = cJSON_CreateObject();
	}
	if (call->session->key) {
		mcp_serve_watch_drop(watch);
	} else if (status == CUA_OK && mcp_serve_watch_claim(watch)) {
		call->watch = watch;
	}
	return status;
}

void mcp_serve_go_on(struct mcp_serve_call *call)
{
	mcp_serve_watch_run(call->watch, true, call, tell, call);
}

/* Over HTTP the session is what is subscribed for. */
static bool has_place(const struct mcp_serve_session *session)
{
	return !session->is_of_post || session->key;
}

static const char no_session[] =
		"over HTTP this wants the Mcp-Session-Id that initialize has given, "
		"and a GET whose stream the news come on";

int mcp_serve_subscribe(struct mcp_serve_asked *asked)
{
	static const struct mcp_serve_tool method = {
		.name = "resources/subscribe", .run = subscribe, .is_method = true
	};
	if (!cua_json_string(asked->message->params, "uri")) {
		return mcp_serve_wrong_params(asked, "uri must be a string");
	}
	return has_place(asked->session) ? mcp_serve_begin(asked, &method)
					 : mcp_serve_wrong_params(asked, no_session);
}

int mcp_serve_unsubscribe(struct mcp_serve_asked *asked)
{
	struct mcp_serve_session *session = asked->session;
	const char *uri = cua_json_string(asked->message->params, "uri");
	if (!uri) {
		return mcp_serve_wrong_params(asked, "uri must be a string");
	}
	if (!has_place(session)) {
		return mcp_serve_wrong_params(asked, no_session);
	}
	if (session->key) {
		struct mcp_serve_watch *watch = mcp_serve_watch_hold(session->serve, session->key);
		if (watch) {
			mcp_serve_watch_remove(watch, uri);
		}
		mcp_serve_watch_drop(watch);
	} else if (session->watch) {
		mcp_serve_watch_remove(session->watch, uri);
	}
	return mcp_serve_reply(asked, cJSON_CreateObject());
}

/* --- their stream over HTTP --- */

static enum cua_status run_stream(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)result;
	(void)err;
	mcp_serve_watch_run(call->watch, false, call, tell, call);
	mcp_serve_watch_drop(CUA_STEAL(call->watch));
	return CUA_OK;
}

int mcp_serve_http_listen(struct mcp_serve_session *session,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out,
		struct mcp_serve_call **ret_call)
{
	static const struct mcp_serve_tool stream = {
		.name = "GET", .run = run_stream, .is_method = true, .is_long = true
	};
	const char *id = headers->find("mcp-session-id", headers->user_data);
	const char *accepts = headers->find("accept", headers->user_data);
	struct cua_error why = { 0 };
	*ret_call = NULL;
	if (!id) {
		return 405;
	}
	if (!accepts || !strcasestr(accepts, "text/event-stream")) {
		return 406;
	}
	if (!mcp_serve_session_resume(session, id)) {
		return 404;
	}
	CUA_AUTO_JSON cJSON *number = cJSON_CreateNumber(0);
	const struct mcp_serve_message message = { .kind = MCP_SERVE_REQUEST, .id = number };
	struct mcp_serve_call *call = NULL;
	if (mcp_serve_call_create(session, &stream, &message, session->revision, out, &call,
			    &why) != CUA_OK) {
		return 503;
	}
	call->is_answered = true; /* there is nothing to answer but what is told */
	struct mcp_serve_watch *watch = hold(call, session->key);
	if (!watch || !mcp_serve_watch_claim(watch)) {
		mcp_serve_watch_drop(watch);
		mcp_serve_call_destroy(call);
		return watch ? 409 : 503; /* one stream is enough */
	}
	call->watch = watch;
	*ret_call = call;
	return 200;
}

/* --- the newest revision --- */

static void add_subscription_id(cJSON *json, const struct mcp_serve_call *call)
{
	cJSON *meta = cJSON_AddObjectToObject(json, "_meta");
	cJSON_AddItemToObject(meta, META_SUBSCRIPTION, mcp_serve_copy_id(call->id));
}

static void tell_listener(const char *uri, void *user_data)
{
	cJSON *params = with_uri(uri);
	add_subscription_id(params, user_data);
	notify(user_data, "notifications/resources/updated", params);
}

/* What is agreed to: of the resources those that there are, and whose changes are told. */
static enum cua_status agree(struct mcp_serve_call *call, struct mcp_serve_watch *watch,
		const cJSON *wanted, struct cua_error *err)
{
	cJSON *params = cJSON_CreateObject(), *uri = NULL;
	cJSON *agreed = cJSON_AddObjectToObject(params, "notifications");
	cJSON *list = wanted ? cJSON_AddArrayToObject(agreed, SUBSCRIPTIONS) : NULL;
	enum cua_status status = CUA_OK;
	cJSON_ArrayForEach (uri, wanted) {
		status = cJSON_IsString(uri)
				? mcp_serve_watch_add(watch, call->session->client,
						  uri->valuestring, err)
				: CUA_FAIL(err, CUA_ERR_INVAL, 0,
						  SUBSCRIPTIONS " must be a list of strings");
		if (status == CUA_OK) {
			cJSON_AddItemToArray(list, cJSON_CreateString(uri->valuestring));
		} else if (status == CUA_ERR_TOO_LARGE || !cJSON_IsString(uri)) {
			cJSON_Delete(params);
			return status;
		}
	}
	add_subscription_id(params, call);
	notify(call, "notifications/subscriptions/acknowledged", params);
	return CUA_OK;
}

static enum cua_status listen_to(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const cJSON *notifications = cua_json_member(call->arguments, "notifications");
	struct mcp_serve_watch *watch = hold(call, NULL);
	enum cua_status status = watch
			? agree(call, watch, cua_json_member(notifications, SUBSCRIPTIONS), err)
			: fail_full(err);
	if (status == CUA_OK && mcp_serve_watch_claim(watch)) {
		mcp_serve_watch_run(watch, false, call, tell_listener, call);
		result->whole = cJSON_CreateObject();
		add_subscription_id(result->whole, call);
	}
	mcp_serve_watch_drop(watch);
	return status;
}

int mcp_serve_listen(struct mcp_serve_asked *asked)
{
	static const struct mcp_serve_tool method = {
		.name = "subscriptions/listen", .run = listen_to, .is_method = true, .is_long = true
	};
	const cJSON *notifications = cua_json_member(asked->message->params, "notifications");
	const cJSON *uris = cua_json_member(notifications, SUBSCRIPTIONS);
	if (!cJSON_IsObject(notifications)) {
		return mcp_serve_wrong_params(asked, "notifications must be an object");
	}
	return uris && !cJSON_IsArray(uris)
			? mcp_serve_wrong_params(asked, SUBSCRIPTIONS " must be a list of strings")
			: mcp_serve_begin(asked, &method);
}
