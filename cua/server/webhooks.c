#include "cua/server/webhooks.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/http_client.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/command.h"
#include "cua/server/server.h"
#include "cua/server/settings.h"

#define ID_BYTES 12
#define SEND_TIMEOUT_MS 10000
#define SIGN_TIMEOUT_MS 10000
#define ANSWER_MAX_LEN 65536 /* which nobody reads */
#define PENDING_MAX 1000     /* the store does not take them */
#define KEPT_MS (7ll * 24 * 3600 * 1000)

/* Until the next try; behind the last there is none. */
static const int64_t waits_ms[] = { 1000, 5000, 30000, 120000, 600000, 3600000, 14400000 };

static const char *const events[] = { "approval", "question", "run" };

/* Something to be told. */
struct news {
	STAILQ_ENTRY(news) link;
	const char *event; /* static */
	char id[64];       /* of the question, or the run */
	cJSON *json;       /* owned */
};

struct webhooks {
	struct server *server;
	struct feed_watcher watcher;
	uv_timer_t later;
	uv_work_t work;
	bool is_working, is_stale, is_ending;
	STAILQ_HEAD(, news) pending; /* the loop's, or of the thread while it works */
	int pending_count;
	STAILQ_HEAD(, news) fresh; /* while the thread works */
	int64_t next_ms;           /* when something is to be tried again; 0: nothing */
};

bool webhooks_is_event(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(events); i++) {
		if (strcmp(events[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static void news_destroy(struct news *news)
{
	cJSON_Delete(news->json);
	free(news);
}

/* --- what is told; on the thread --- */

static bool is_wanted(const cJSON *webhook, const char *event)
{
	const cJSON *wanted = cua_json_member(webhook, "events");
	const cJSON *name = NULL;
	cJSON_ArrayForEach (name, wanted) {
		if (strcmp(name->valuestring, event) == 0) {
			return true;
		}
	}
	return !wanted;
}

/* What it is about, and no more than is needed to decide whether to look. */
static cJSON *message_of(const struct webhooks *webhooks, const struct news *news)
{
	static const char *const members[] = { "run", "project", "state", "error", "kind", "who",
		"words", "reason", "class", "expires_in_s", "at_ms" };
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "event", news->event);
	cJSON_AddStringToObject(message, "server", webhooks->server->gate.origins[0]);
	if (strcmp(news->event, "run") != 0) {
		cJSON_AddStringToObject(message, "approval", news->id);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(members); i++) {
		const cJSON *member = cua_json_member(news->json, members[i]);
		if (member) {
			cJSON_AddItemToObject(message, members[i], cJSON_Duplicate(member, true));
		}
	}
	return message;
}

/* Once for each place and thing: it may be told of again by the next server. */
static enum cua_status put_one(const struct webhooks *webhooks, const cJSON *webhook,
		const struct news *news, struct cua_error *err)
{
	unsigned char bytes[ID_BYTES];
	char id[4 + 2 * ID_BYTES + 1] = "msg_";
	CUA_AUTO_JSON cJSON *message = message_of(webhooks, news);
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(id + 4, sizeof(id) - 4, bytes, sizeof(bytes));
	return store_run(webhooks->server->store, NULL, err,
			"INSERT INTO deliveries (id, url, thing, body, created_ms, next_ms) VALUES "
			"(?, ?, ?, ?, ?5, ?5) ON CONFLICT DO NOTHING",
			"sssji", id, cua_json_text(webhook, "url"), news->id, message,
			store_now_ms());
}

static enum cua_status put_all(struct webhooks *webhooks, const cJSON *list, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (struct news *news; status == CUA_OK && (news = STAILQ_FIRST(&webhooks->pending));) {
		const cJSON *webhook = NULL;
		cJSON_ArrayForEach (webhook, list) {
			if (status == CUA_OK && is_wanted(webhook, news->event)) {
				status = put_one(webhooks, webhook, news, err);
			}
		}
		if (status == CUA_OK) {
			STAILQ_REMOVE_HEAD(&webhooks->pending, link);
			webhooks->pending_count--;
			news_destroy(news);
		}
	}
	return status;
}

/* --- sending; on the thread --- */

/* The value of the secret stays with the command. */
static enum cua_status sign(const char *secret, const char *id, long long now_s, const char *body,
		char header[160], struct cua_error *err)
{
	const char *const argv[] = { "cua", "secret", "sign", "--", secret, NULL };
	CUA_AUTO_FREE char *text = NULL;
	struct command_result result;
	if (asprintf(&text, "%s.%lld.%s", id, now_s, body) < 0) {
		text = NULL;
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "webhook");
	}
	const struct command command = { argv, text, SIGN_TIMEOUT_MS };
	enum cua_status status = command_run(&command, &result, err);
	if (status == CUA_OK) {
		status = command_check(&result, CUA_ERR_NOT_FOUND, err);
	}
	if (status == CUA_OK) {
		const char *signature = result.out.data ? result.out.data : "";
		snprintf(header, 160, "webhook-signature: v1,%.*s", (int)strcspn(signature, "\n"),
				signature);
	}
	command_result_finish(&result);
	return status;
}

static enum cua_status post(const struct webhooks *webhooks, const char *url,
		const char *const *headers, const char *body, struct cua_error *err)
{
	struct cua_http_client *client = NULL;
	struct cua_http_response response = { 0 };
	const struct cua_http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.no_proxy = strncasecmp(url, "https", 5) != 0, /* it is on this machine */
		.total_timeout_ms = SEND_TIMEOUT_MS,
		.max_body_len = ANSWER_MAX_LEN };
	enum cua_status status =
			cua_http_client_create(NULL, webhooks->server->ending_fd, &client, err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_http_perform(client, &request, &response, err);
	if (status == CUA_OK && response.http_status / 100 != 2) {
		status = CUA_FAIL(err, CUA_ERR_IO, 0, "it answered %ld", response.http_status);
	}
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
	return status;
}

static enum cua_status send_one(const struct webhooks *webhooks, const cJSON *webhook,
		const cJSON *row, struct cua_error *err)
{
	char id[64], timestamp[64], signature[160] = "";
	const char *secret = cua_json_string(webhook, "secret");
	const char *body = cua_json_text(row, "body");
	const long long now_s = store_now_ms() / 1000;
	const char *headers[6] = { "Content-Type: application/json", "User-Agent: cua", id,
		timestamp };
	snprintf(id, sizeof(id), "webhook-id: %s", cua_json_text(row, "id"));
	snprintf(timestamp, sizeof(timestamp), "webhook-timestamp: %lld", now_s);
	if (secret) {
		enum cua_status status =
				sign(secret, cua_json_text(row, "id"), now_s, body, signature, err);
		if (status != CUA_OK) {
			return status;
		}
		headers[4] = signature;
	}
	return post(webhooks, cua_json_text(webhook, "url"), headers, body, err);
}

/* The rest of a URL is often what lets in: the log has its scheme and host alone. */
static void log_failure(const char *url, const char *why)
{
	const char *host = strstr(url, "://");
	const size_t place = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
	const size_t len = strlen(url) < strlen(why) ? strlen(url) : strlen(why);
	if (strncmp(why, url, len) == 0) { /* as the client's errors begin */
		why += len + strspn(why + len, ": ");
	}
	cua_log_info("webhook %.*s: %s", (int)place, url, why[0] ? why : "it cannot be sent");
}

/* What cannot be sent there now is tried again, and all else there with it. */
static enum cua_status note_failure(const struct webhooks *webhooks, const cJSON *row,
		const struct cua_error *why, struct cua_error *err)
{
	const size_t tries = (size_t)cua_json_int(row, "tries");
	const int64_t now = store_now_ms();
	log_failure(cua_json_text(row, "url"), why->msg);
	if (tries >= CUA_ARRAY_LEN(waits_ms)) {
		return store_run(webhooks->server->store, NULL, err,
				"UPDATE deliveries SET tries = tries + 1, next_ms = NULL, error = "
				"?, "
				"changed_ms = ? WHERE id = ?",
				"sis", why->msg, now, cua_json_text(row, "id"));
	}
	return store_run(webhooks->server->store, NULL, err,
			"UPDATE deliveries SET tries = tries + (id = ?1), next_ms = max(next_ms, "
			"?2), error = ?3, changed_ms = ?4 WHERE url = ?5 AND next_ms IS NOT NULL",
			"sisis", cua_json_text(row, "id"), now + waits_ms[tries], why->msg, now,
			cua_json_text(row, "url"));
}

static enum cua_status note_sent(
		const struct webhooks *webhooks, const cJSON *row, struct cua_error *err)
{
	return store_run(webhooks->server->store, NULL, err,
			"UPDATE deliveries SET tries = tries + 1, next_ms = NULL, error = NULL, "
			"changed_ms = ? WHERE id = ?",
			"is", store_now_ms(), cua_json_text(row, "id"));
}

static const cJSON *find_webhook(const cJSON *list, const char *url)
{
	const cJSON *webhook = NULL;
	cJSON_ArrayForEach (webhook, list) {
		if (strcmp(cua_json_text(webhook, "url"), url) == 0) {
			return webhook;
		}
	}
	return NULL;
}

/* CUA_ERR_NOT_FOUND: nothing is due. */
static enum cua_status deliver_next(
		const struct webhooks *webhooks, const cJSON *list, struct cua_error *err)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(webhooks->server->store, &row, err, "nothing is due",
			"SELECT id, url, body, tries FROM deliveries WHERE next_ms <= ? ORDER BY "
			"next_ms, created_ms LIMIT 1",
			"i", store_now_ms());
	if (status != CUA_OK) {
		return status;
	}
	const cJSON *webhook = find_webhook(list, cua_json_text(row, "url"));
	if (!webhook) {
		return store_run(webhooks->server->store, NULL, err,
				"DELETE FROM deliveries WHERE url = ?", "s",
				cua_json_text(row, "url"));
	}
	status = send_one(webhooks, webhook, row, &why);
	if (status == CUA_ERR_CANCELLED) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the server ends");
	}
	return status == CUA_OK ? note_sent(webhooks, row, err)
				: note_failure(webhooks, row, &why, err);
}

static enum cua_status find_next(struct webhooks *webhooks, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_run(webhooks->server->store, NULL, err,
			"DELETE FROM deliveries WHERE next_ms IS NULL AND created_ms < ?", "i",
			store_now_ms() - KEPT_MS);
	if (status == CUA_OK) {
		status = store_get(webhooks->server->store, &row, err, "none",
				"SELECT min(next_ms) AS next FROM deliveries", "");
	}
	webhooks->next_ms = (int64_t)cua_json_number(row, "next");
	return status;
}

static void on_work(uv_work_t *work)
{
	struct webhooks *webhooks = work->data;
	CUA_AUTO_JSON cJSON *settings = NULL;
	struct cua_error error = { 0 };
	enum cua_status status = settings_get(webhooks->server->store, &settings, &error);
	const cJSON *list = cua_json_member(settings, "webhooks");
	if (status == CUA_OK) {
		status = put_all(webhooks, list, &error);
	}
	while (status == CUA_OK) {
		status = deliver_next(webhooks, list, &error);
	}
	if (status == CUA_ERR_NOT_FOUND) {
		status = find_next(webhooks, &error);
	}
	if (status != CUA_OK && status != CUA_ERR_CANCELLED) {
		cua_log_warn("webhooks: %s", error.msg);
		webhooks->next_ms = store_now_ms() + waits_ms[2];
	}
}

/* --- on the loop's thread --- */

static void work_now(struct webhooks *webhooks);

static void on_later(uv_timer_t *timer)
{
	work_now(timer->data);
}

static void on_worked(uv_work_t *work, int status)
{
	struct webhooks *webhooks = work->data;
	(void)status;
	webhooks->is_working = false;
	for (struct news *news; (news = STAILQ_FIRST(&webhooks->fresh));) {
		STAILQ_REMOVE_HEAD(&webhooks->fresh, link);
		STAILQ_INSERT_TAIL(&webhooks->pending, news, link);
		webhooks->pending_count++;
		webhooks->is_stale = true;
	}
	if (webhooks->is_ending) {
		return;
	}
	if (webhooks->is_stale) {
		work_now(webhooks);
	} else if (webhooks->next_ms > 0) {
		const int64_t wait_ms = webhooks->next_ms - store_now_ms();
		uv_timer_start(&webhooks->later, on_later, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
	}
}

static void work_now(struct webhooks *webhooks)
{
	webhooks->is_stale = webhooks->is_working;
	if (!webhooks->is_working && !webhooks->is_ending) {
		webhooks->is_working = uv_queue_work(&webhooks->server->loop, &webhooks->work,
						       on_work, on_worked) == 0;
	}
}

/* NULL: it is not for them. */
static const char *event_of(const cJSON *change)
{
	static const char *const going[] = { "queued", "starting", "running", "deleted", "" };
	const char *event = cua_json_text(change, "event");
	const char *state = cua_json_text(change, "state");
	if (strcmp(event, "approval") == 0 && strcmp(state, "open") == 0) {
		return strcmp(cua_json_text(change, "kind"), "question") == 0 ? "question"
									      : "approval";
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(going); i++) {
		if (strcmp(state, going[i]) == 0) {
			return NULL;
		}
	}
	return strcmp(event, "run") == 0 ? "run" : NULL;
}

static bool note(struct webhooks *webhooks, const char *text)
{
	CUA_AUTO_JSON cJSON *change = cJSON_Parse(text);
	const char *event = event_of(change);
	struct news *news = event && webhooks->pending_count < PENDING_MAX
			? calloc(1, sizeof(*news))
			: NULL;
	if (!news) {
		return false;
	}
	news->event = event;
	snprintf(news->id, sizeof(news->id), "%s",
			cua_json_text(change, cua_json_text(change, "event")));
	news->json = CUA_STEAL(change);
	if (webhooks->is_working) {
		STAILQ_INSERT_TAIL(&webhooks->fresh, news, link);
	} else {
		STAILQ_INSERT_TAIL(&webhooks->pending, news, link);
		webhooks->pending_count++;
	}
	return true;
}

static void on_news(struct feed_watcher *watcher)
{
	struct webhooks *webhooks =
			(struct webhooks *)((char *)watcher - offsetof(struct webhooks, watcher));
	bool has_news = false;
	for (char *text; (text = feed_next(webhooks->server->feed, watcher)); free(text)) {
		has_news = note(webhooks, text) || has_news;
	}
	if (has_news) {
		work_now(webhooks);
	}
}

/* --- its life --- */

enum cua_status webhooks_create(
		struct server *server, struct webhooks **ret_webhooks, struct cua_error *err)
{
	struct webhooks *webhooks = calloc(1, sizeof(*webhooks));
	if (!webhooks) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "webhooks");
	}
	webhooks->server = server;
	webhooks->watcher.on_news = on_news;
	webhooks->work.data = webhooks;
	STAILQ_INIT(&webhooks->pending);
	STAILQ_INIT(&webhooks->fresh);
	uv_timer_init(&server->loop, &webhooks->later);
	webhooks->later.data = webhooks;
	feed_watch(server->feed, &webhooks->watcher);
	work_now(webhooks); /* with what the last server left */
	*ret_webhooks = webhooks;
	return CUA_OK;
}

void webhooks_end(struct webhooks *webhooks)
{
	if (webhooks) {
		webhooks->is_ending = true;
		feed_unwatch(&webhooks->watcher);
		uv_close((uv_handle_t *)&webhooks->later, NULL);
	}
}

void webhooks_destroy(struct webhooks *webhooks)
{
	if (!webhooks) {
		return;
	}
	for (struct news *news; (news = STAILQ_FIRST(&webhooks->pending));) {
		STAILQ_REMOVE_HEAD(&webhooks->pending, link);
		news_destroy(news);
	}
	for (struct news *news; (news = STAILQ_FIRST(&webhooks->fresh));) {
		STAILQ_REMOVE_HEAD(&webhooks->fresh, link);
		news_destroy(news);
	}
	free(webhooks);
}
