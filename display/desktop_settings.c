#include "display/desktop_settings.h"

#include "cua/base/json.h"
#include "cua/base/util.h"

const struct desktop_settings desktop_settings_default = {
	.width_px = 1280, .height_px = 800, .dpi = DESKTOP_DPI_MIN, .sandboxed = true
};

bool desktop_size_is_good(int width_px, int height_px)
{
	return width_px >= 320 && width_px <= 16384 && height_px >= 200 && height_px <= 16384 &&
			(int64_t)width_px * height_px <= 32 << 20;
}

static int or_else(int value, int usual)
{
	return value > 0 ? value : usual;
}

struct desktop_settings desktop_settings_complete(const struct desktop_settings *settings)
{
	struct desktop_settings complete = *settings;
	complete.max_width_px = or_else(settings->max_width_px, settings->width_px);
	complete.max_height_px = or_else(settings->max_height_px, settings->height_px);
	complete.dpi = or_else(settings->dpi, DESKTOP_DPI_MIN);
	return complete;
}

void desktop_settings_to_json(const struct desktop_settings *settings, cJSON *json)
{
	const struct desktop_settings complete = desktop_settings_complete(settings);
	cJSON_AddNumberToObject(json, "width", complete.width_px);
	cJSON_AddNumberToObject(json, "height", complete.height_px);
	cJSON_AddNumberToObject(json, "max_width", complete.max_width_px);
	cJSON_AddNumberToObject(json, "max_height", complete.max_height_px);
	cJSON_AddNumberToObject(json, "dpi", complete.dpi);
	cJSON_AddBoolToObject(json, "sandboxed", complete.sandboxed);
	cJSON_AddBoolToObject(json, "opengl", complete.opengl);
}

static void get_int(const cJSON *json, const char *name, int *value)
{
	const cJSON *member = cua_json_member(json, name);
	*value = cJSON_IsNumber(member) ? member->valueint : *value;
}

static void get_bool(const cJSON *json, const char *name, bool *value)
{
	const cJSON *member = cua_json_member(json, name);
	*value = cJSON_IsBool(member) ? cJSON_IsTrue(member) : *value;
}

struct desktop_settings desktop_settings_from_json(const cJSON *json)
{
	struct desktop_settings settings = desktop_settings_default;
	get_int(json, "width", &settings.width_px);
	get_int(json, "height", &settings.height_px);
	get_int(json, "max_width", &settings.max_width_px);
	get_int(json, "max_height", &settings.max_height_px);
	get_int(json, "dpi", &settings.dpi);
	get_bool(json, "sandboxed", &settings.sandboxed);
	get_bool(json, "opengl", &settings.opengl);
	return settings;
}

enum cua_status desktop_settings_check(
		const struct desktop_settings *settings, struct cua_error *err)
{
	const struct desktop_settings all = desktop_settings_complete(settings);
	if (!desktop_size_is_good(all.width_px, all.height_px) ||
			!desktop_size_is_good(all.max_width_px, all.max_height_px)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"no desktop can have %dx%d and at most %dx%d pixels", all.width_px,
				all.height_px, all.max_width_px, all.max_height_px);
	}
	if (all.max_width_px < all.width_px || all.max_height_px < all.height_px) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"max-size %dx%d is less than the size, %dx%d", all.max_width_px,
				all.max_height_px, all.width_px, all.height_px);
	}
	if (all.dpi < DESKTOP_DPI_MIN || all.dpi > DESKTOP_DPI_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "dpi %d must be %d to %d", all.dpi,
				DESKTOP_DPI_MIN, DESKTOP_DPI_MAX);
	}
	return CUA_OK;
}

bool desktop_settings_equal(const struct desktop_settings *a, const struct desktop_settings *b,
		const char *member)
{
	CUA_AUTO_JSON cJSON *one = cJSON_CreateObject(), *other = cJSON_CreateObject();
	desktop_settings_to_json(a, one);
	desktop_settings_to_json(b, other);
	return member ? cJSON_Compare(cua_json_member(one, member), cua_json_member(other, member),
					true)
		      : cJSON_Compare(one, other, true);
}
