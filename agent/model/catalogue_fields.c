#include "agent/model/catalogue_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"

#define UNKNOWN ((double)NAN)

#define FIELD(type, member, of_kind) \
	{ \
		.name = #member, .kind = of_kind, .offset = offsetof(type, member), \
		.size = sizeof(((type *)NULL)->member) \
	}

#define IMAGE(member, kind) FIELD(struct agent_image_limits, member, kind)
static const struct catalogue_field image_fields[] = {
	IMAGE(types, CATALOGUE_TYPES),
	IMAGE(max_side, CATALOGUE_AMOUNT),
	IMAGE(min_pixels, CATALOGUE_AMOUNT),
	IMAGE(max_pixels, CATALOGUE_AMOUNT),
	IMAGE(multiple, CATALOGUE_AMOUNT),
	IMAGE(patch, CATALOGUE_AMOUNT),
	IMAGE(max_patches, CATALOGUE_AMOUNT),
	IMAGE(token_factor, CATALOGUE_AMOUNT),
	IMAGE(tokens, CATALOGUE_AMOUNT),
	IMAGE(max_bytes, CATALOGUE_AMOUNT),
	IMAGE(max_count, CATALOGUE_AMOUNT),
	IMAGE(many, CATALOGUE_AMOUNT),
	IMAGE(many_max_side, CATALOGUE_AMOUNT),
	IMAGE(without_pointer, CATALOGUE_FLAG),
	{ 0 },
};

#define PRICE(member, kind) FIELD(struct agent_prices, member, kind)
static const struct catalogue_field price_fields[] = {
	PRICE(input, CATALOGUE_PRICE),
	PRICE(cached, CATALOGUE_PRICE),
	PRICE(cache_write, CATALOGUE_PRICE),
	PRICE(output, CATALOGUE_PRICE),
	PRICE(long_above, CATALOGUE_AMOUNT),
	PRICE(long_input_factor, CATALOGUE_AMOUNT),
	PRICE(long_output_factor, CATALOGUE_AMOUNT),
	PRICE(until, CATALOGUE_TEXT),
	PRICE(confirmed, CATALOGUE_FLAG),
	{ 0 },
};

#define PROVIDER(member, kind) FIELD(struct agent_provider, member, kind)
const struct catalogue_field catalogue_provider_fields[] = {
	PROVIDER(api, CATALOGUE_TEXT),
	PROVIDER(base_url, CATALOGUE_TEXT),
	PROVIDER(base_url_variable, CATALOGUE_TEXT),
	PROVIDER(keys, CATALOGUE_KEYS),
	PROVIDER(key_header, CATALOGUE_TEXT),
	PROVIDER(needs_key, CATALOGUE_FLAG),
	PROVIDER(image_types, CATALOGUE_TYPES),
	PROVIDER(note, CATALOGUE_TEXT),
	{ 0 },
};

#define SPEC(member, of_kind, of_group) \
	{ \
		.name = #member, .kind = of_kind, \
		.offset = offsetof(struct catalogue_model, spec.member), \
		.size = sizeof(((struct agent_model_spec *)NULL)->member), .group = of_group \
	}

const struct catalogue_field catalogue_model_fields[] = {
	FIELD(struct catalogue_model, provider, CATALOGUE_TEXT),
	SPEC(context, CATALOGUE_AMOUNT, NULL),
	SPEC(max_output, CATALOGUE_AMOUNT, NULL),
	SPEC(tool, CATALOGUE_TEXT, NULL),
	SPEC(beta, CATALOGUE_TEXT, NULL),
	SPEC(profile, CATALOGUE_TEXT, NULL),
	SPEC(thinking, CATALOGUE_TEXT, NULL),
	SPEC(prunes, CATALOGUE_FLAG, NULL),
	SPEC(threads, CATALOGUE_FLAG, NULL),
	SPEC(coordinates, CATALOGUE_COORDINATES, NULL),
	SPEC(images, CATALOGUE_GROUP, image_fields),
	SPEC(prices, CATALOGUE_GROUP, price_fields),
	SPEC(note, CATALOGUE_TEXT, NULL),
	{ 0 },
};

const struct agent_model_spec agent_model_spec_unknown = {
	.prices = { .input = UNKNOWN,
			.cached = UNKNOWN,
			.cache_write = UNKNOWN,
			.output = UNKNOWN },
};

/* --- values --- */

static enum cua_status take_text(const cJSON *value, char *to, size_t size, struct cua_error *err)
{
	if (!cJSON_IsString(value) || strlen(value->valuestring) >= size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be a text of at most %zu bytes",
				size - 1);
	}
	for (const char *at = value->valuestring; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "holds a control character");
		}
	}
	strcpy(to, value->valuestring);
	return CUA_OK;
}

static enum cua_status take_keys(const cJSON *value, char (*to)[64], struct cua_error *err)
{
	const cJSON *name = NULL;
	char keys[AGENT_PROVIDER_KEYS_MAX][64] = { "" };
	int count = 0;
	if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) > AGENT_PROVIDER_KEYS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"must be a list of at most %d names of variables",
				AGENT_PROVIDER_KEYS_MAX);
	}
	cJSON_ArrayForEach (name, value) {
		enum cua_status status = take_text(name, keys[count++], sizeof(keys[0]), err);
		if (status != CUA_OK) {
			return status;
		}
	}
	memcpy(to, keys, sizeof(keys));
	return CUA_OK;
}

static enum cua_status take_number(
		const cJSON *value, double unknown, double *to, struct cua_error *err)
{
	const char *word = cJSON_GetStringValue(value);
	if (word && strcmp(word, "unknown") == 0) {
		*to = unknown;
		return CUA_OK;
	}
	if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0) || !isfinite(value->valuedouble)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"must be a number from 0 on, or \"unknown\"");
	}
	*to = value->valuedouble;
	return CUA_OK;
}

static enum cua_status take_types(const cJSON *value, unsigned *to, struct cua_error *err)
{
	static const char *const names[] = { "png", "jpeg", "webp" };
	unsigned types = 0;
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, value) {
		unsigned type = 0;
		for (unsigned i = 0; cJSON_IsString(item) && i < CUA_ARRAY_LEN(names); i++) {
			type |= strcmp(item->valuestring, names[i]) == 0 ? 1U << i : 0;
		}
		if (!type) {
			types = 0;
			break;
		}
		types |= type;
	}
	if (!cJSON_IsArray(value) || !types) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be a list of png, jpeg and webp");
	}
	*to = types;
	return CUA_OK;
}

static enum cua_status take_coordinates(
		const cJSON *value, enum agent_coordinates *to, struct cua_error *err)
{
	static const char *const names[] = { [AGENT_COORDINATES_PIXELS] = "pixels",
		[AGENT_COORDINATES_GRID] = "grid",
		[AGENT_COORDINATES_RESIZED] = "resized",
		[AGENT_COORDINATES_UNIT] = "unit" };
	const char *word = cJSON_GetStringValue(value);
	for (size_t i = 0; word && i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(word, names[i]) == 0) {
			*to = (enum agent_coordinates)i;
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be pixels, grid, resized or unit");
}

static enum cua_status take_flag(const cJSON *value, bool *to, struct cua_error *err)
{
	if (!cJSON_IsBool(value)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be true or false");
	}
	*to = cJSON_IsTrue(value);
	return CUA_OK;
}

/* --- entries --- */

static enum cua_status take_value(const struct catalogue_field *field, const cJSON *value, void *to,
		struct catalogue_path *path, struct cua_error *err)
{
	switch (field->kind) {
	case CATALOGUE_TEXT:
		return take_text(value, to, field->size, err);
	case CATALOGUE_KEYS:
		return take_keys(value, to, err);
	case CATALOGUE_AMOUNT:
		return take_number(value, 0, to, err);
	case CATALOGUE_PRICE:
		return take_number(value, UNKNOWN, to, err);
	case CATALOGUE_FLAG:
		return take_flag(value, to, err);
	case CATALOGUE_TYPES:
		return take_types(value, to, err);
	case CATALOGUE_COORDINATES:
		return take_coordinates(value, to, err);
	case CATALOGUE_GROUP:
		break;
	}
	return catalogue_apply(field->group, value, to, path, err);
}

static enum cua_status fail_unknown(const struct catalogue_field *fields, struct cua_error *err)
{
	char names[256] = "";
	for (size_t i = 0, len = 0; fields[i].name && len < sizeof(names); i++) {
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
				fields[i].name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "is no member that is known here; these are: %s",
			names);
}

enum cua_status catalogue_apply(const struct catalogue_field *fields, const cJSON *entry, void *to,
		struct catalogue_path *path, struct cua_error *err)
{
	if (!cJSON_IsObject(entry)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be an object");
	}
	const cJSON *value = NULL;
	cJSON_ArrayForEach (value, entry) {
		const struct catalogue_field *field = fields;
		while (field->name && strcmp(field->name, value->string) != 0) {
			field++;
		}
		path->names[path->depth++] = value->string;
		enum cua_status status = field->name
				? take_value(field, value, (char *)to + field->offset, path, err)
				: fail_unknown(fields, err);
		if (status != CUA_OK) {
			return status;
		}
		path->depth--;
	}
	return CUA_OK;
}
