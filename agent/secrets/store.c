#include "agent/secrets/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/policy/origin.h"
#include "agent/secrets/store_file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"
#include "cua/contract/utf8.h"

struct agent_secrets {
	struct agent_secret list[AGENT_SECRETS_MAX];
	size_t count;
	int dir_fd; /* -1: there is no folder yet */
};

void agent_secrets_shut_memory(void)
{
	const struct rlimit none = { 0, 0 };
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

static void finish(struct agent_secret *secret)
{
	sodium_free(secret->value);
	cJSON_Delete(secret->about);
	*secret = (struct agent_secret){ 0 };
}

void agent_secrets_close(struct agent_secrets *secrets)
{
	if (!secrets) {
		return;
	}
	for (size_t i = 0; i < secrets->count; i++) {
		finish(&secrets->list[i]);
	}
	cua_closep(&secrets->dir_fd);
	free(secrets);
}

const struct agent_secret *agent_secrets_get(const struct agent_secrets *secrets, size_t index)
{
	return index < secrets->count ? &secrets->list[index] : NULL;
}

/* Where it is, or would be. */
static size_t place_of(const struct agent_secrets *secrets, const char *name)
{
	size_t place = 0;
	while (place < secrets->count && strcmp(secrets->list[place].name, name) < 0) {
		place++;
	}
	return place;
}

const struct agent_secret *agent_secrets_find(const struct agent_secrets *secrets, const char *name)
{
	const size_t place = secrets ? place_of(secrets, name) : 0;
	return secrets && place < secrets->count && strcmp(secrets->list[place].name, name) == 0
			? &secrets->list[place]
			: NULL;
}

/* --- one secret --- */

/* Takes about over; what is read from it was checked when it was set, and sealed since. */
static bool read_about(struct agent_secret *secret, cJSON *about)
{
	secret->about = about;
	secret->name = cua_json_string(about, "name");
	secret->is_api_key = cJSON_IsTrue(cua_json_member(about, "api_key"));
	secret->windows = cua_json_member(about, "windows");
	secret->origins = cua_json_member(about, "origins");
	secret->set_s = (int64_t)cua_json_number(about, "set");
	return secret->name && cua_placeholder_is_name(secret->name) &&
			cJSON_IsArray(secret->windows) && cJSON_IsArray(secret->origins);
}

static char *locked_copy(const char *text, size_t len)
{
	char *copy = sodium_malloc(len + 1);
	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

/* Takes the secret over. */
static enum cua_status put(
		struct agent_secrets *secrets, struct agent_secret *secret, struct cua_error *err)
{
	const size_t place = place_of(secrets, secret->name);
	struct agent_secret *at = &secrets->list[place];
	if (place < secrets->count && strcmp(at->name, secret->name) == 0) {
		finish(at);
	} else if (secrets->count == AGENT_SECRETS_MAX) {
		finish(secret);
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "at most %d secrets are kept",
				AGENT_SECRETS_MAX);
	} else {
		memmove(at + 1, at, (secrets->count - place) * sizeof(*at));
		secrets->count++;
	}
	*at = *secret;
	return CUA_OK;
}

/* --- reading --- */

/* The next of the parts that the sealed text is made of; NULL if there is none. */
static const char *take_part(const char **at, const char *end, size_t *ret_len)
{
	uint32_t len = 0;
	if ((size_t)(end - *at) < sizeof(len)) {
		return NULL;
	}
	memcpy(&len, *at, sizeof(len));
	const char *part = *at + sizeof(len);
	if (len > (size_t)(end - part)) {
		return NULL;
	}
	*at = part + len;
	*ret_len = len;
	return part;
}

static enum cua_status read_secret(struct agent_secrets *secrets, const char **at, const char *end,
		struct cua_error *err)
{
	size_t about_len = 0, value_len = 0;
	const char *about = take_part(at, end, &about_len);
	const char *value = about ? take_part(at, end, &value_len) : NULL;
	struct agent_secret secret = { 0 };
	if (!value || !read_about(&secret, cJSON_ParseWithLength(about, about_len)) ||
			!(secret.value = locked_copy(value, value_len))) {
		finish(&secret);
		return CUA_FAIL(err, CUA_ERR_IO, 0,
				"the secrets are of another version, or memory ran out");
	}
	return put(secrets, &secret, err);
}

static enum cua_status read_all(struct agent_secrets *secrets, struct cua_error *err)
{
	char *text = NULL;
	size_t len = 0;
	enum cua_status status = store_file_read(secrets->dir_fd, &text, &len, err);
	const char *at = text, *end = text ? text + len : NULL;
	while (status == CUA_OK && at < end) {
		status = read_secret(secrets, &at, end, err);
	}
	sodium_free(text);
	return status;
}

static enum cua_status open_all(
		bool may_change, struct agent_secrets **ret_secrets, struct cua_error *err)
{
	struct agent_secrets *secrets = calloc(1, sizeof(*secrets));
	if (!secrets) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	}
	secrets->dir_fd = -1;
	agent_secrets_shut_memory();
	if (sodium_init() < 0) {
		free(secrets);
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "libsodium does not start");
	}
	enum cua_status status = store_file_folder(may_change, &secrets->dir_fd, err);
	if (status == CUA_OK && may_change && flock(secrets->dir_fd, LOCK_EX) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "lock of the secrets");
	}
	if (status == CUA_OK && secrets->dir_fd >= 0) {
		status = read_all(secrets, err);
	}
	if (status != CUA_OK) {
		agent_secrets_close(secrets);
		return status;
	}
	*ret_secrets = secrets;
	return CUA_OK;
}

enum cua_status agent_secrets_open(struct agent_secrets **ret_secrets, struct cua_error *err)
{
	return open_all(false, ret_secrets, err);
}

enum cua_status agent_secrets_edit(struct agent_secrets **ret_secrets, struct cua_error *err)
{
	return open_all(true, ret_secrets, err);
}

/* --- changing --- */

static enum cua_status check_value(const char *value, bool is_api_key, struct cua_error *err)
{
	const size_t len = strlen(value);
	const char *at = value, *end = value + len;
	if (len < AGENT_SECRET_VALUE_MIN || len > AGENT_SECRET_VALUE_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the value has %zu bytes; it must have %d to %d (a shorter one "
				"cannot be kept out of what is written down)",
				len, AGENT_SECRET_VALUE_MIN, AGENT_SECRET_VALUE_MAX);
	}
	while (at < end) {
		const uint32_t code = cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"the value holds a line break, a control character or "
					"bytes that are no UTF-8, which cannot be typed");
		}
		if (is_api_key && (code == ' ' || code >= 0x7f)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"the value holds a character that no key has");
		}
	}
	return CUA_OK;
}

static enum cua_status add_window(cJSON *list, const char *pattern, struct cua_error *err)
{
	const size_t len = strlen(pattern);
	if (len == 0 || len > AGENT_SECRET_PLACE_BYTES_MAX || strspn(pattern, "*?") == len) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a window is the class of an application, or a pattern of it or of "
				"a title, such as 'Pinentry*', of at most %d bytes; it must not "
				"fit all windows",
				AGENT_SECRET_PLACE_BYTES_MAX);
	}
	cJSON_AddItemToArray(list, cJSON_CreateString(pattern));
	return CUA_OK;
}

/* In the one spelling that browsers have for it, too. */
static enum cua_status add_origin(cJSON *list, const char *text, struct cua_error *err)
{
	struct agent_origin origin;
	char spelled[AGENT_HOST_MAX + 64];
	const char *path = strstr(text, "://");
	const bool is_read = path && !strpbrk(path + 3, "/?#") &&
			strlen(text) <= AGENT_SECRET_PLACE_BYTES_MAX &&
			agent_origin_read(text, &origin) && origin.host[0] &&
			(strcmp(origin.scheme, "https") == 0 || strcmp(origin.scheme, "http") == 0);
	if (!is_read) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"an origin is a scheme, a name and perhaps a port, such as "
				"https://login.example.org; \"%.100s\" is none",
				text);
	}
	const bool is_usual = origin.port == (origin.scheme[4] == 's' ? 443 : 80);
	const bool is_six = strchr(origin.host, ':') && origin.host[0] != '[';
	int len = snprintf(spelled, sizeof(spelled), "%s://%s%s%s", origin.scheme,
			is_six ? "[" : "", origin.host, is_six ? "]" : "");
	if (!is_usual) {
		snprintf(spelled + len, sizeof(spelled) - (size_t)len, ":%d", origin.port);
	}
	cJSON_AddItemToArray(list, cJSON_CreateString(spelled));
	return CUA_OK;
}

static enum cua_status add_places(cJSON *about, const char *name, const cJSON *places,
		enum cua_status (*add)(cJSON *list, const char *text, struct cua_error *err),
		struct cua_error *err)
{
	cJSON *list = cJSON_AddArrayToObject(about, name);
	const cJSON *place = NULL;
	enum cua_status status = CUA_OK;
	if (cJSON_GetArraySize(places) > AGENT_SECRET_PLACES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "at most %d %s for one secret",
				AGENT_SECRET_PLACES_MAX, name);
	}
	cJSON_ArrayForEach (place, places) {
		if (status == CUA_OK) {
			status = add(list, place->valuestring, err);
		}
	}
	return status;
}

static enum cua_status check_kind(
		bool is_api_key, const cJSON *windows, const cJSON *origins, struct cua_error *err)
{
	const int places = cJSON_GetArraySize(windows) + cJSON_GetArraySize(origins);
	if (is_api_key && places > 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a key of a model is never typed: it has no window and no origin");
	}
	if (!is_api_key && places == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"say where it may be typed: a window or an origin");
	}
	return CUA_OK;
}

enum cua_status agent_secrets_set(struct agent_secrets *secrets, const char *name,
		const char *value, bool is_api_key, const cJSON *windows, const cJSON *origins,
		struct cua_error *err)
{
	if (!cua_placeholder_is_name(name)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a name has letters, digits, '_', '-' and '.', at most %d, and "
				"begins with a letter or '_'",
				CUA_PLACEHOLDER_NAME_MAX);
	}
	enum cua_status status = check_value(value, is_api_key, err);
	if (status == CUA_OK) {
		status = check_kind(is_api_key, windows, origins, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *about = cJSON_CreateObject();
	cJSON_AddStringToObject(about, "name", name);
	cJSON_AddBoolToObject(about, "api_key", is_api_key);
	cJSON_AddNumberToObject(about, "set", (double)time(NULL));
	status = add_places(about, "windows", windows, add_window, err);
	if (status == CUA_OK) {
		status = add_places(about, "origins", origins, add_origin, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	struct agent_secret secret = { .value = locked_copy(value, strlen(value)) };
	if (!read_about(&secret, CUA_STEAL(about)) || !secret.value) {
		finish(&secret);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secret");
	}
	return put(secrets, &secret, err);
}

enum cua_status agent_secrets_remove(
		struct agent_secrets *secrets, const char *name, struct cua_error *err)
{
	const size_t place = place_of(secrets, name);
	struct agent_secret *at = &secrets->list[place];
	if (!agent_secrets_find(secrets, name)) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"there is no secret \"%.64s\"; cua secret list tells which there "
				"are",
				name);
	}
	finish(at);
	secrets->count--;
	memmove(at, at + 1, (secrets->count - place) * sizeof(*at));
	return CUA_OK;
}

/* --- writing --- */

static char *put_part(char *to, const char *part, size_t len)
{
	const uint32_t count = (uint32_t)len;
	memcpy(to, &count, sizeof(count));
	memcpy(to + sizeof(count), part, len);
	return to + sizeof(count) + len;
}

enum cua_status agent_secrets_save(const struct agent_secrets *secrets, struct cua_error *err)
{
	size_t len = 0;
	char *abouts[AGENT_SECRETS_MAX] = { NULL };
	bool is_whole = true;
	for (size_t i = 0; i < secrets->count; i++) {
		abouts[i] = cJSON_PrintUnformatted(secrets->list[i].about);
		is_whole = is_whole && abouts[i];
		len += 2 * sizeof(uint32_t) + strlen(secrets->list[i].value) +
				(abouts[i] ? strlen(abouts[i]) : 0);
	}
	char *text = is_whole ? sodium_malloc(len + 1) : NULL, *to = text;
	for (size_t i = 0; text && i < secrets->count; i++) {
		to = put_part(to, abouts[i], strlen(abouts[i]));
		to = put_part(to, secrets->list[i].value, strlen(secrets->list[i].value));
	}
	enum cua_status status = text ? store_file_write(secrets->dir_fd, text, len, err)
				      : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	sodium_free(text);
	for (size_t i = 0; i < secrets->count; i++) {
		free(abouts[i]);
	}
	return status;
}
