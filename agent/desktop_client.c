#include "agent/desktop_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "agent/model/json_span.h"
#include "agent/model/picture.h"
#include "agent/view.h"
#include "cua/base/http_client.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"
#include "cua/contract/text.h"

#define ACTIONS_URL "http://desktop/v1/actions"
#define TOOLS_URL "http://desktop/v1/tools"
#define TOOLS_ACT_URL "http://desktop/v1/tools/act"
#define PROBLEM_MAX 640
#define ANSWER_MAX ((size_t)64 << 20)
#define TOOL_TIME_MS 600000      /* of the tool that takes longest */
#define ANSWER_TIMEOUT_MS 120000 /* beyond the time that the actions themselves ask for */
#define LEASE_WAIT_MS 30000

struct agent_desktop {
	struct cua_http_client *http;
	uint64_t deadline_us;      /* of all requests */
	struct agent_image screen; /* base64 NULL before the first screenshot */
	char etag[128];
	struct cua_point size; /* of the screen */
	struct cua_point view; /* x 0: the screen as it is */
	bool hides_pointer;
	char network[16];                    /* that its applications have; "": it does not say */
	char workspace[CUA_PATH_MAX];        /* of its tools; "": it does not say */
	const struct agent_secrets *secrets; /* NULL: none */
	cJSON *focused;                      /* owned; as the last answer said; NULL: it did not */
};

enum cua_status agent_desktop_create(const char *socket_path, int cancel_fd,
		struct agent_desktop **ret_desktop, struct cua_error *err)
{
	struct agent_desktop *desktop = calloc(1, sizeof(*desktop));
	if (!desktop) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop");
	}
	enum cua_status status =
			cua_http_client_create(socket_path, cancel_fd, &desktop->http, err);
	if (status != CUA_OK) {
		free(desktop);
		return status;
	}
	desktop->deadline_us = UINT64_MAX;
	*ret_desktop = desktop;
	return CUA_OK;
}

void agent_desktop_set_deadline(struct agent_desktop *desktop, uint64_t deadline_us)
{
	desktop->deadline_us = deadline_us;
}

void agent_desktop_destroy(struct agent_desktop *desktop)
{
	if (!desktop) {
		return;
	}
	cua_http_client_destroy(desktop->http);
	agent_image_finish(&desktop->screen);
	cJSON_Delete(desktop->focused);
	free(desktop);
}

enum cua_status agent_desktop_fit(struct agent_desktop *desktop,
		const struct agent_image_limits *limits, struct cua_error *err)
{
	struct cua_http_request request = { .method = "GET",
		.url = "http://desktop/v1/desktop",
		.deadline_us = &desktop->deadline_us,
		.total_timeout_ms = ANSWER_TIMEOUT_MS };
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
	CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.len > 0
			? cJSON_Parse(response.body.data)
			: NULL;
	cua_http_response_finish(&response);
	const cJSON *width = cua_json_member(answer, "width");
	const cJSON *height = cua_json_member(answer, "height");
	if (status == CUA_OK &&
			(!cJSON_IsNumber(width) || !cJSON_IsNumber(height) || width->valueint < 1 ||
					height->valueint < 1)) {
		status = CUA_FAIL(
				err, CUA_ERR_CLOSED, 0, "the desktop does not say how large it is");
	}
	if (status == CUA_OK) {
		snprintf(desktop->network, sizeof(desktop->network), "%s",
				cua_json_text(answer, "network"));
		snprintf(desktop->workspace, sizeof(desktop->workspace), "%s",
				cua_json_text(answer, "workspace"));
	}
	const struct cua_point screen = { cua_json_int(answer, "width"),
		cua_json_int(answer, "height") };
	desktop->size = screen;
	if (status == CUA_OK && limits) {
		const struct cua_point view = agent_view_size(limits, screen);
		desktop->hides_pointer = limits->without_pointer;
		if (view.x != screen.x || view.y != screen.y) {
			desktop->view = view;
		}
	}
	return status;
}

const struct agent_image *agent_desktop_screen(const struct agent_desktop *desktop)
{
	return desktop->screen.base64 ? &desktop->screen : NULL;
}

void agent_outcome_finish(struct agent_outcome *outcome)
{
	cJSON_Delete(outcome->answer);
	agent_image_finish(&outcome->picture);
	*outcome = (struct agent_outcome){ 0 };
}

const char *agent_desktop_network(const struct agent_desktop *desktop)
{
	return desktop->network[0] ? desktop->network : NULL;
}

const char *agent_desktop_workspace(const struct agent_desktop *desktop)
{
	return desktop->workspace[0] ? desktop->workspace : NULL;
}

struct cua_point agent_desktop_size(const struct agent_desktop *desktop)
{
	return desktop->size;
}

const char *agent_desktop_window(const struct agent_desktop *desktop, const char *member)
{
	return cJSON_IsNull(desktop->focused) ? "" : cua_json_string(desktop->focused, member);
}

/* --- request --- */

/* The screenshot after the last action serves for all; a wait of no time keeps the place of
 * each action in the list, which errors refer to. */
static cJSON *prepare_action(const cJSON *action)
{
	const char *name = cua_json_string(action, "action");
	if (!name || strcmp(name, "screenshot") != 0 || cJSON_GetArraySize(action) != 1) {
		return cJSON_Duplicate(action, true);
	}
	cJSON *wait = cJSON_CreateObject();
	cJSON_AddStringToObject(wait, "action", "wait");
	cJSON_AddNumberToObject(wait, "duration_ms", 0);
	return wait;
}

static char *build_body(const struct agent_desktop *desktop, const cJSON *actions)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(body, "actions");
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		cJSON *prepared = prepare_action(action);
		if (!prepared || !cJSON_AddItemToArray(list, prepared)) {
			cJSON_Delete(prepared);
			return NULL;
		}
	}
	cJSON *screenshot = cJSON_AddObjectToObject(body, "screenshot");
	cJSON_AddBoolToObject(screenshot, "pointer", !desktop->hides_pointer);
	/* It goes over the wire to a model, and again with each turn. */
	cJSON_AddStringToObject(screenshot, "level", "small");
	if (desktop->view.x > 0) {
		const int size[] = { desktop->view.x, desktop->view.y };
		cJSON_AddNumberToObject(screenshot, "width", size[0]);
		cJSON_AddNumberToObject(screenshot, "height", size[1]);
		cJSON_AddItemToObject(body, "coordinates", cJSON_CreateIntArray(size, 2));
	}
	if (desktop->etag[0]) {
		cJSON_AddStringToObject(screenshot, "if_none_match", desktop->etag);
	}
	return cJSON_PrintUnformatted(body);
}

static long timeout_ms(const cJSON *actions)
{
	double total_ms = ANSWER_TIMEOUT_MS;
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		const cJSON *duration = cua_json_member(action, "duration_ms");
		total_ms += cJSON_IsNumber(duration) ? duration->valuedouble : 0;
	}
	return (long)total_ms;
}

/* --- secrets --- */

void agent_desktop_use_secrets(struct agent_desktop *desktop, const struct agent_secrets *secrets)
{
	desktop->secrets = secrets;
}

/* The value stays where it is, and is not copied. */
static void name_secret(const struct agent_secret *secret, cJSON *named, size_t *size)
{
	cJSON *json = cua_json_member(named, secret->name) ? NULL : cJSON_CreateObject();
	if (!json) {
		return;
	}
	cJSON_AddItemToObject(json, "value", cJSON_CreateStringReference(secret->value));
	cJSON_AddItemToObject(json, "windows", cJSON_Duplicate(secret->windows, true));
	cJSON_AddItemToObject(json, "origins", cJSON_Duplicate(secret->origins, true));
	cJSON_AddItemToObject(named, secret->name, json);
	CUA_AUTO_FREE char *windows = cJSON_PrintUnformatted(secret->windows);
	CUA_AUTO_FREE char *origins = cJSON_PrintUnformatted(secret->origins);
	*size += 100 + strlen(secret->name) + 6 * strlen(secret->value) +
			(windows ? strlen(windows) : 0) + (origins ? strlen(origins) : 0);
}

/* What the texts of the actions name; size: that its JSON has at most. */
static cJSON *name_secrets(const struct agent_desktop *desktop, const cJSON *actions, size_t *size)
{
	cJSON *named = cJSON_CreateObject();
	const cJSON *action = NULL;
	struct cua_placeholder found;
	cJSON_ArrayForEach (action, actions) {
		const char *text = strcmp(cua_json_text(action, "action"), "type") == 0
				? cua_json_text(action, "text")
				: "";
		for (; cua_placeholder_next(text, &found); text = found.at + found.len) {
			const struct agent_secret *secret =
					agent_secrets_find(desktop->secrets, found.name);
			if (secret && !secret->is_api_key) {
				name_secret(secret, named, size);
			}
		}
	}
	return named;
}

/* The body with the secrets that it names, in memory of sodium_malloc(), where they are written
 * once and nowhere else; *ret_whole stays NULL if it names none. */
static enum cua_status add_secrets(const struct agent_desktop *desktop, const char *body,
		const cJSON *actions, char **ret_whole, struct cua_error *err)
{
	static const char member[] = ",\"secrets\":";
	size_t size = 64, len = body ? strlen(body) : 0;
	CUA_AUTO_JSON cJSON *named = name_secrets(desktop, actions, &size);
	if (len == 0 || (named && !named->child)) {
		return CUA_OK;
	}
	char *whole = named ? sodium_malloc(len + size) : NULL;
	char *at = whole ? whole + len - 1 + strlen(member) : NULL;
	if (!whole) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	memcpy(whole, body, len);
	memcpy(whole + len - 1, member, sizeof(member)); /* in the place of the brace */
	if (!cJSON_PrintPreallocated(named, at, (int)size - 32, false)) {
		sodium_free(whole);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	strcat(at, "}");
	*ret_whole = whole;
	return CUA_OK;
}

/* --- answer --- */

/* Bytes, type and hash, out of the base64. OpenSSL's codec and hash are several times faster than
 * libsodium's, which are made for secrets. */
static enum cua_status decode_image(struct agent_image *image, struct cua_error *err)
{
	const size_t len = strlen(image->base64);
	const size_t padding = len - strcspn(image->base64, "=");
	unsigned char hash[EVP_MAX_MD_SIZE];
	image->bytes = malloc(len / 4 * 3 + 3);
	if (!image->bytes) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	const int decoded = EVP_DecodeBlock(
			image->bytes, (const unsigned char *)image->base64, (int)len);
	image->len = decoded > 0 && padding <= 2 ? (size_t)decoded - padding : 0;
	if (!(image->media_type = agent_image_type(image->bytes, image->len))) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's screenshot is no picture");
	}
	if (!EVP_Digest(image->bytes, image->len, hash, NULL, EVP_sha256(), NULL)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	sodium_bin2hex(image->sha256, sizeof(image->sha256), hash, SHA256_DIGEST_LENGTH);
	return CUA_OK;
}

/* A screenshot as the desktop answers it; the bytes are taken out of the answer. */
static enum cua_status read_image(
		cJSON *screenshot, struct agent_image *ret_image, struct cua_error *err)
{
	cJSON *data = cua_json_member(screenshot, "data");
	const cJSON *width = cua_json_member(screenshot, "width");
	const cJSON *height = cua_json_member(screenshot, "height");
	if (!cJSON_IsString(data) || !cJSON_IsNumber(width) || !cJSON_IsNumber(height)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no screenshot");
	}
	struct agent_image image = { .width = width->valueint, .height = height->valueint };
	if (image.width <= 0 || image.height <= 0 || image.width > 32767 || image.height > 32767) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's screenshot is %dx%d",
				image.width, image.height);
	}
	image.base64 = CUA_STEAL(data->valuestring);
	enum cua_status status = decode_image(&image, err);
	if (status != CUA_OK) {
		agent_image_finish(&image);
		return status;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(screenshot, "data");
	*ret_image = image;
	return CUA_OK;
}

/* Keeps a new screenshot. "unchanged" leaves the one that is there. */
static enum cua_status take_screenshot(
		struct agent_desktop *desktop, cJSON *answer, struct cua_error *err)
{
	cJSON *screenshot = cua_json_member(answer, "screenshot");
	struct agent_image image;
	if (cJSON_IsTrue(cua_json_member(screenshot, "unchanged")) && desktop->screen.base64) {
		return CUA_OK;
	}
	enum cua_status status = read_image(screenshot, &image, err);
	if (status != CUA_OK) {
		return status;
	}
	agent_image_finish(&desktop->screen);
	desktop->screen = image;
	if (cua_json_int(screenshot, "screen_width") > 0 &&
			cua_json_int(screenshot, "screen_height") > 0) {
		desktop->size = (struct cua_point){ cua_json_int(screenshot, "screen_width"),
			cua_json_int(screenshot, "screen_height") };
	}
	const char *etag = cua_json_string(screenshot, "etag");
	snprintf(desktop->etag, sizeof(desktop->etag), "%s", etag ? etag : "");
	return CUA_OK;
}

/* A picture with marks, or of a part of the screen, is what the model asked to see. */
static enum cua_status take_picture(struct agent_outcome *outcome, struct cua_error *err)
{
	const cJSON *results = cua_json_member(outcome->answer, "results");
	const cJSON *last = cJSON_GetArrayItem(results, cJSON_GetArraySize(results) - 1);
	cJSON *image = cua_json_member(last, "image");
	return cua_json_member(image, "data") ? read_image(image, &outcome->picture, err) : CUA_OK;
}

/* Images of single results ("screenshot" of a region) would swamp the journal. */
static void drop_image_bytes(cJSON *answer)
{
	cJSON *result = NULL;
	cJSON_ArrayForEach (result, cua_json_member(answer, "results")) {
		cJSON_DeleteItemFromObjectCaseSensitive(cua_json_member(result, "image"), "data");
	}
}

static void read_error(const cJSON *answer, long http_status, struct agent_outcome *outcome)
{
	const cJSON *error = cua_json_member(answer, "error");
	const char *code = cua_json_string(error, "code");
	const char *message = cua_json_string(error, "message");
	const cJSON *action = cua_json_member(error, "action");
	outcome->status = http_status == 423 ? CUA_ERR_PERSON : cua_status_from_name(code);
	if (outcome->status == CUA_OK) {
		outcome->status = CUA_ERR_CLOSED;
	}
	outcome->failed_action = cJSON_IsNumber(action) ? action->valueint : -1;
	if (message) {
		snprintf(outcome->message, sizeof(outcome->message), "%s", message);
	} else {
		snprintf(outcome->message, sizeof(outcome->message), "the desktop answered %ld",
				http_status);
	}
}

/* Texts of windows, pages and documents. */
static size_t strip(const cJSON *answer)
{
	static const char *const names[] = { "results", "focused", "new_windows", "person_note",
		"error", "content" };
	size_t count = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		count += cua_text_strip_json(cua_json_member(answer, names[i]));
	}
	return count;
}

static void keep_focused(struct agent_desktop *desktop, const cJSON *answer)
{
	cJSON_Delete(desktop->focused);
	desktop->focused = cJSON_Duplicate(cua_json_member(answer, "focused"), true);
}

static enum cua_status post(struct agent_desktop *desktop, const char *url, long time_ms,
		const char *body, struct agent_outcome *outcome, struct cua_error *err)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	if (!body) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "actions");
	}
	struct cua_http_request request = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.deadline_us = &desktop->deadline_us,
		.total_timeout_ms = time_ms,
		.max_body_len = ANSWER_MAX,
	};
	struct cua_http_response response = { 0 };
	enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
	outcome->ms = response.total_ms;
	outcome->is_uncertain = status != CUA_OK;
	if (status == CUA_OK) {
		status = agent_json_parse(response.body.data ? response.body.data : "",
				response.body.len, "the desktop's answer", &outcome->answer, err);
		outcome->is_uncertain = status != CUA_OK;
		status = status == CUA_OK ? CUA_OK : CUA_ERR_CLOSED; /* not a model's fault */
	}
	outcome->invisible = strip(outcome->answer);
	if (status == CUA_OK && response.http_status != 200) {
		read_error(outcome->answer, response.http_status, outcome);
	}
	cua_http_response_finish(&response);
	if (err && status != CUA_OK) {
		err->status = status;
	}
	return status;
}

/* Looks without touching anything; for an answer that failed before it came to a screenshot. */
static enum cua_status look_again(
		struct agent_desktop *desktop, struct agent_outcome *before, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("[{\"action\": \"screenshot\"}]");
	struct agent_outcome outcome = { .failed_action = -1 };
	CUA_AUTO_FREE char *body = build_body(desktop, look);
	enum cua_status status = post(desktop, ACTIONS_URL, ANSWER_TIMEOUT_MS, body, &outcome, err);
	if (status == CUA_OK && outcome.status != CUA_OK) {
		status = CUA_FAIL(err, outcome.status, 0, "%s", outcome.message);
	} else if (status == CUA_OK) {
		status = take_screenshot(desktop, outcome.answer, err);
		keep_focused(desktop, outcome.answer);
	}
	/* The desktop tells it once. */
	const char *note = cua_json_string(outcome.answer, "person_note");
	if (note && cJSON_AddStringToObject(before->answer, "person_note", note)) {
		before->person_note = cua_json_string(before->answer, "person_note");
	}
	agent_outcome_finish(&outcome);
	return status;
}

enum cua_status agent_desktop_act(struct agent_desktop *desktop, const cJSON *actions,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	*ret_outcome = (struct agent_outcome){ .failed_action = -1 };
	CUA_AUTO_FREE char *body = build_body(desktop, actions);
	char *with_secrets = NULL;
	enum cua_status status = add_secrets(desktop, body, actions, &with_secrets, err);
	if (status != CUA_OK) {
		return status;
	}
	status = post(desktop, ACTIONS_URL, timeout_ms(actions), with_secrets ? with_secrets : body,
			ret_outcome, err);
	sodium_free(with_secrets);
	keep_focused(desktop, ret_outcome->answer);
	if (status != CUA_OK) {
		return status;
	}
	status = take_picture(ret_outcome, err);
	if (status != CUA_OK) {
		return status;
	}
	drop_image_bytes(ret_outcome->answer);
	ret_outcome->person_note = cua_json_string(ret_outcome->answer, "person_note");
	if (cJSON_IsObject(cua_json_member(ret_outcome->answer, "screenshot"))) {
		return take_screenshot(desktop, ret_outcome->answer, err);
	}
	if (ret_outcome->status == CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no screenshot");
	}
	if (ret_outcome->status == CUA_ERR_PERSON) {
		return CUA_OK; /* nothing is to be seen before the person gives back */
	}
	return look_again(desktop, ret_outcome, err);
}

/* --- tools --- */

/* The first picture is taken, by how many there were. */
static enum cua_status take_tool_picture(struct agent_outcome *outcome, const cJSON *part,
		int pictures, struct cua_buffer *words, struct cua_error *err)
{
	const cJSON *data = cua_json_member(part, "data");
	char why[300];
	if (pictures > 1 || !cJSON_IsString(data)) {
		return CUA_OK;
	}
	if (!agent_picture_read(data->valuestring, &outcome->picture)) {
		return cua_buffer_printf(words, err,
				"\n[a picture that is neither PNG, JPEG nor WebP is not shown]");
	}
	if (!agent_picture_fits(&outcome->picture, why, sizeof(why))) {
		agent_image_finish(&outcome->picture);
		return cua_buffer_printf(words, err, "\n[%s]", why);
	}
	return CUA_OK;
}

/* What a tool said, as one text; its pictures but the first are counted. */
static enum cua_status take_content(struct agent_outcome *outcome, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer words;
	const cJSON *part = NULL;
	int pictures = 0;
	enum cua_status status = CUA_OK;
	cua_buffer_init(&words, ANSWER_MAX);
	cJSON_ArrayForEach (part, cua_json_member(outcome->answer, "content")) {
		const char *text = cua_json_string(part, "text");
		status = text ? cua_buffer_append(&words, text, strlen(text), err)
			      : take_tool_picture(outcome, part, ++pictures, &words, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	if (pictures > 1) {
		status = cua_buffer_printf(&words, err,
				"\n[%d pictures; the first is shown. Ask for one at a time.]",
				pictures);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(outcome->answer, "content");
	cJSON_AddBoolToObject(outcome->answer, "has_own_image", outcome->picture.base64 != NULL);
	return status == CUA_OK &&
					cJSON_AddStringToObject(outcome->answer, "words",
							words.data ? words.data : "")
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer of a tool");
}

/* A command that was given so much time may take it. */
static long tool_time_ms(const cJSON *arguments)
{
	const double seconds = cua_json_number(arguments, "timeout_s");
	return ANSWER_TIMEOUT_MS + TOOL_TIME_MS + (long)(seconds * 1000.0);
}

/* Our word on it: leave is said, never left out. */
static char *word_on(const cJSON *act, const char *problem)
{
	CUA_AUTO_JSON cJSON *word = cJSON_CreateObject();
	cJSON_AddNumberToObject(word, "number", cua_json_number(act, "number"));
	cJSON_AddBoolToObject(word, "allowed", problem[0] == '\0');
	if (problem[0]) {
		cJSON_AddStringToObject(word, "reason", problem);
	}
	return cJSON_PrintUnformatted(word);
}

/* One after another, as the script comes to them: in the place of the tool's answer stands what it
 * is about to do, and the answer to our word on it is the tool's, or the next. */
static enum cua_status judge_acts(struct agent_desktop *desktop, long time_ms,
		agent_desktop_judge_fn judge, void *user_data, struct agent_outcome *outcome,
		struct cua_error *err)
{
	const cJSON *act = NULL;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && outcome->status == CUA_OK &&
			(act = cua_json_member(outcome->answer, "act"))) {
		const cJSON *actions = cua_json_member(act, "actions");
		char problem[PROBLEM_MAX] = "";
		outcome->is_uncertain = true; /* of the script, something may be done */
		if (!cJSON_IsArray(actions) || !actions->child) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
					"the desktop does not say what a script is about to do");
		}
		if (!judge(actions, problem, sizeof(problem), user_data)) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0,
					"the run ended while a script was running");
		}
		CUA_AUTO_FREE char *body = word_on(act, problem);
		const double before_ms = outcome->ms;
		agent_outcome_finish(outcome);
		outcome->failed_action = -1;
		status = post(desktop, TOOLS_ACT_URL, time_ms, body, outcome, err);
		outcome->ms += before_ms;
	}
	return status;
}

enum cua_status agent_desktop_tool(struct agent_desktop *desktop, const char *tool,
		const cJSON *arguments, agent_desktop_judge_fn judge, void *user_data,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "tool", tool);
	cJSON_AddItemToObject(request, "arguments", cJSON_Duplicate(arguments, true));
	cJSON_AddBoolToObject(request, "judged", judge != NULL);
	CUA_AUTO_FREE char *body = cJSON_PrintUnformatted(request);
	const long time_ms = tool_time_ms(arguments);
	*ret_outcome = (struct agent_outcome){ .failed_action = -1 };
	enum cua_status status = post(desktop, TOOLS_URL, time_ms, body, ret_outcome, err);
	if (status == CUA_OK && judge) {
		status = judge_acts(desktop, time_ms, judge, user_data, ret_outcome, err);
	}
	if (status == CUA_OK && ret_outcome->status == CUA_OK) {
		status = take_content(ret_outcome, err);
	}
	/* A script may have acted, an application may show the file that was written. */
	return status == CUA_OK ? look_again(desktop, ret_outcome, err) : status;
}

void agent_desktop_glance(struct agent_desktop *desktop)
{
	static const char body[] = "{\"actions\":[{\"action\":\"cursor_position\"}],"
				   "\"screenshot\":false,\"settle\":false}";
	struct agent_outcome outcome = { .failed_action = -1 };
	(void)!post(desktop, ACTIONS_URL, ANSWER_TIMEOUT_MS, body, &outcome, NULL);
	keep_focused(desktop, outcome.answer);
	agent_outcome_finish(&outcome);
}

char *agent_desktop_url(struct agent_desktop *desktop)
{
	/* Every URL has a colon. */
	static const char body[] = "{\"actions\":[{\"action\":\"wait_for\",\"until\":\"url\","
				   "\"text\":\":\",\"timeout_ms\":1000}],\"screenshot\":false,"
				   "\"settle\":false}";
	struct agent_outcome outcome = { .failed_action = -1 };
	char *url = NULL;
	if (post(desktop, ACTIONS_URL, ANSWER_TIMEOUT_MS, body, &outcome, NULL) == CUA_OK &&
			outcome.status == CUA_OK) {
		const cJSON *results = cua_json_member(outcome.answer, "results");
		const char *text = cua_json_string(cJSON_GetArrayItem(results, 0), "url");
		url = text ? strdup(text) : NULL;
	}
	agent_outcome_finish(&outcome);
	return url;
}

enum cua_status agent_desktop_await_lease(struct agent_desktop *desktop, struct cua_error *err)
{
	while (cua_now_us() < desktop->deadline_us) {
		int left_ms = cua_ms_until(desktop->deadline_us);
		char url[64];
		snprintf(url, sizeof(url), "http://desktop/v1/lease?wait_ms=%d",
				left_ms < LEASE_WAIT_MS ? left_ms : LEASE_WAIT_MS);
		struct cua_http_request request = { .method = "GET",
			.url = url,
			.deadline_us = &desktop->deadline_us,
			.total_timeout_ms = LEASE_WAIT_MS + ANSWER_TIMEOUT_MS };
		struct cua_http_response response = { 0 };
		enum cua_status status = cua_http_perform(desktop->http, &request, &response, err);
		CUA_AUTO_JSON cJSON *answer = status == CUA_OK && response.body.len > 0
				? cJSON_Parse(response.body.data)
				: NULL;
		const char *holder = cua_json_string(answer, "holder");
		bool is_known = response.http_status == 200 && holder;
		bool is_agent = is_known && strcmp(holder, "agent") == 0;
		cua_http_response_finish(&response);
		if (status != CUA_OK) {
			return status;
		}
		if (!is_known) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
					"the desktop does not say who has the input");
		}
		if (is_agent) {
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "a person kept the desktop until the time limit");
}
