#include "standin_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <png.h>
#include <sodium.h>

static enum cua_status fake_read(void *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err)
{
	(void)png;
	(void)png_len;
	const struct standin *standin = reader;
	memset(ret_screen, 0, sizeof(*ret_screen));
	ret_screen->width_px = 1280;
	ret_screen->height_px = 800;
	ret_screen->words = calloc(1, sizeof(*ret_screen->words));
	if (!ret_screen->words) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "words");
	}
	if (standin->seen[0]) {
		ret_screen->words[0].text = strdup(standin->seen);
		ret_screen->words[0].box = (struct see_box){ 100, 200, 140, 220 };
		ret_screen->words[0].confidence = 95;
		ret_screen->word_count = 1;
	}
	return CUA_OK;
}

cJSON *standin_parse(const char *json)
{
	cJSON *value = cJSON_Parse(json);
	if (!value) {
		fail_msg("no JSON: %.500s", json);
	}
	return value;
}

void standin_set_up(struct standin *standin, const char *script, const char *path,
		const char *request, const char *list_name)
{
	struct cua_error err;
	memset(standin, 0, sizeof(*standin));
	if (script_parse("t", script, strlen(script), &standin->script, &err) != CUA_OK) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(play_common_init(&standin->common, standin->script, fake_read, standin,
					 NULL, &err),
			CUA_OK);
	play_init(&standin->play, &standin->common);
	standin->seen = "";
	standin->path = path;
	standin->request = standin_parse(request);
	standin->talk = cJSON_GetObjectItem(standin->request, list_name);
}

void standin_tear_down(struct standin *standin)
{
	play_finish(&standin->play);
	play_common_finish(&standin->common);
	script_destroy(standin->script);
	cJSON_Delete(standin->request);
}

const char *standin_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

const cJSON *standin_at(const cJSON *json, ...)
{
	va_list names;
	va_start(names, json);
	const char *name;
	while ((name = va_arg(names, const char *))) {
		json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name))
					   : cJSON_GetObjectItemCaseSensitive(json, name);
	}
	va_end(names);
	return json;
}

void standin_post_raw(struct standin *standin, struct wire_reply *ret_reply)
{
	char *body = cJSON_PrintUnformatted(standin->request);
	struct wire_http http = { .method = "POST",
		.path = standin->path,
		.query = "",
		.body = body,
		.body_len = strlen(body) };
	memcpy(http.headers, standin->headers, sizeof(http.headers));
	wire_answer(&standin->play, &standin->settings, &http, ret_reply);
	cJSON_free(body);
}

cJSON *standin_post(struct standin *standin, int *ret_status)
{
	struct wire_reply reply;
	standin_post_raw(standin, &reply);
	*ret_status = reply.http_status;
	cJSON *json = standin_parse(reply.body.data);
	wire_reply_finish(&reply);
	return json;
}

cJSON *standin_ask(struct standin *standin)
{
	int status = 0;
	cJSON *answer = standin_post(standin, &status);
	if (status != 200) {
		fail_msg("status %d: %s", status, cJSON_PrintUnformatted(answer));
	}
	return answer;
}

void standin_say(struct standin *standin, const char *fmt, ...)
{
	char json[4096];
	va_list args;
	va_start(args, fmt);
	assert_true(vsnprintf(json, sizeof(json), fmt, args) < (int)sizeof(json));
	va_end(args);
	cJSON_AddItemToArray(standin->talk, standin_parse(json));
}

const char *standin_png(int width, int height)
{
	static char base64[4000];
	unsigned char bytes[3000];
	static const unsigned char black_and_white[] = { 0, 0, 0, 255, 255, 255 };
	png_alloc_size_t len = sizeof(bytes);
	png_image image = { .version = PNG_IMAGE_VERSION,
		.width = (png_uint_32)width,
		.height = (png_uint_32)height,
		.format = PNG_FORMAT_RGB_COLORMAP, /* written with a bit for a pixel */
		.colormap_entries = 2 };
	CUA_AUTO_FREE unsigned char *pixels = calloc((size_t)width, (size_t)height);
	assert_non_null(pixels);
	assert_true(png_image_write_to_memory(
			&image, bytes, &len, 0, pixels, width, black_and_white));
	return sodium_bin2base64(
			base64, sizeof(base64), bytes, len, sodium_base64_VARIANT_ORIGINAL);
}

cJSON *standin_expect_refused(struct standin *standin, int expected, const char *reason)
{
	int turns = standin->play.turn_count;
	int status = 0;
	cJSON *body = standin_post(standin, &status);
	const char *message = standin_text(standin_at(body, "error", NULL), "message");
	if (status != expected || !strstr(message, reason)) {
		fail_msg("%d '%s' instead of %d '%s'", status, message, expected, reason);
	}
	assert_int_equal(standin->play.turn_count, turns);
	return body;
}

void standin_expect_refusals(
		struct standin *standin, const struct standin_refusal *refusals, size_t count)
{
	cJSON *request = standin->request;
	for (size_t i = 0; i < count; i++) {
		const char *member = refusals[i].member;
		standin->request = cJSON_Duplicate(request, true);
		cJSON_DeleteItemFromObject(standin->request, member);
		if (refusals[i].json) {
			cJSON_AddItemToObject(
					standin->request, member, standin_parse(refusals[i].json));
		}
		cJSON_Delete(standin_expect_refused(
				standin, refusals[i].status, refusals[i].reason));
		cJSON_Delete(standin->request);
	}
	standin->request = request;
}
