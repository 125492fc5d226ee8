#include "cua/base/yaml_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

struct place {
	const cJSON *node;
	int line;
};

struct cua_yaml {
	char *name;
	cJSON *root;
	struct place *places; /* by address, once all are there */
	size_t place_count;
};

/* A mapping or a list whose end has not come. */
struct level {
	cJSON *container;
	char *key; /* owned; of the member whose value comes next; NULL: a key comes next */
	int key_line;
};

struct reader {
	struct cua_yaml *yaml;
	yaml_parser_t parser;
	struct level levels[CUA_YAML_DEPTH_MAX];
	size_t depth;
	struct cua_error *err;
};

static enum cua_status fail_at(const struct cua_yaml *yaml, int line, struct cua_error *err,
		enum cua_status status, const char *what)
{
	return CUA_FAIL(err, status, 0, "%s:%d: %s", yaml->name, line, what);
}

static enum cua_status out_of_memory(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "YAML");
}

/* --- values --- */

/* A number as JSON spells it, and nothing else. */
static bool is_number(const char *text)
{
	const size_t digits = strspn(text + (*text == '-'), "0123456789");
	const char *at = text + (*text == '-');
	if (digits == 0 || (digits > 1 && *at == '0')) {
		return false;
	}
	at += digits;
	if (*at == '.') {
		const size_t places = strspn(at + 1, "0123456789");
		at += places > 0 ? places + 1 : 0;
	}
	if (*at == 'e' || *at == 'E') {
		const char *power = at + 1 + (at[1] == '-' || at[1] == '+');
		const size_t places = strspn(power, "0123456789");
		at = places > 0 ? power + places : at;
	}
	return *at == '\0';
}

static cJSON *scalar_value(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		return cJSON_CreateString(text);
	}
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		return cJSON_CreateBool(text[0] == 't');
	}
	if (text[0] == '\0' || strcmp(text, "null") == 0 || strcmp(text, "~") == 0) {
		return cJSON_CreateNull();
	}
	return is_number(text) ? cJSON_CreateNumber(strtod(text, NULL)) : cJSON_CreateString(text);
}

static cJSON *event_value(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT                    ? scalar_value(event)
			: event->type == YAML_SEQUENCE_START_EVENT ? cJSON_CreateArray()
								   : cJSON_CreateObject();
}

/* What JSON has no place for; NULL if there is nothing of it. */
static const char *find_problem(const yaml_event_t *event)
{
	const bool is_scalar = event->type == YAML_SCALAR_EVENT;
	const bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
	const yaml_char_t *anchor = is_scalar ? event->data.scalar.anchor
			: is_list             ? event->data.sequence_start.anchor
					      : event->data.mapping_start.anchor;
	const yaml_char_t *tag = is_scalar ? event->data.scalar.tag
			: is_list          ? event->data.sequence_start.tag
					   : event->data.mapping_start.tag;
	if (anchor) {
		return "an anchor (&name) is not allowed: write it out";
	}
	if (tag) {
		return "a tag (!name) is not allowed";
	}
	if (is_scalar &&
			strlen((const char *)event->data.scalar.value) !=
					event->data.scalar.length) {
		return "the text holds a NUL";
	}
	return NULL;
}

/* --- where they belong --- */

static enum cua_status take_key(
		struct reader *reader, struct level *level, const yaml_event_t *event, int line)
{
	const char *key = (const char *)event->data.scalar.value;
	if (event->type != YAML_SCALAR_EVENT) {
		return fail_at(reader->yaml, line, reader->err, CUA_ERR_INVAL,
				"the name of a member is a text");
	}
	if (cJSON_GetObjectItemCaseSensitive(level->container, key)) {
		return CUA_FAIL(reader->err, CUA_ERR_INVAL, 0, "%s:%d: '%.60s' is there twice",
				reader->yaml->name, line, key);
	}
	level->key = strdup(key);
	level->key_line = line;
	return level->key ? CUA_OK : out_of_memory(reader->err);
}

/* Gives value to the innermost level, or makes it the root. */
static bool attach(struct reader *reader, cJSON *value, int *line)
{
	struct level *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
	if (!level) {
		reader->yaml->root = value;
		return true;
	}
	if (!level->key) {
		return cJSON_AddItemToArray(level->container, value);
	}
	CUA_AUTO_FREE char *key = CUA_STEAL(level->key);
	*line = level->key_line;
	return cJSON_AddItemToObject(level->container, key, value);
}

static enum cua_status take_value(struct reader *reader, const yaml_event_t *event, int line)
{
	struct cua_yaml *yaml = reader->yaml;
	cJSON *value = event_value(event);
	if (!value || !attach(reader, value, &line)) {
		cJSON_Delete(value);
		return out_of_memory(reader->err);
	}
	yaml->places[yaml->place_count++] = (struct place){ value, line };
	if (event->type == YAML_SCALAR_EVENT) {
		return CUA_OK;
	}
	if (reader->depth == CUA_YAML_DEPTH_MAX) {
		return fail_at(yaml, line, reader->err, CUA_ERR_INVAL, "this is nested too deep");
	}
	reader->levels[reader->depth++] = (struct level){ .container = value };
	return CUA_OK;
}

static enum cua_status take_node(struct reader *reader, const yaml_event_t *event, int line)
{
	struct level *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
	const char *problem = find_problem(event);
	if (problem) {
		return fail_at(reader->yaml, line, reader->err, CUA_ERR_INVAL, problem);
	}
	if (reader->yaml->place_count == CUA_YAML_NODES_MAX) {
		return fail_at(reader->yaml, line, reader->err, CUA_ERR_TOO_LARGE,
				"the file holds too many values");
	}
	return level && cJSON_IsObject(level->container) && !level->key
			? take_key(reader, level, event, line)
			: take_value(reader, event, line);
}

static enum cua_status take_event(struct reader *reader, const yaml_event_t *event)
{
	const int line = (int)event->start_mark.line + 1;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return fail_at(reader->yaml, line, reader->err, CUA_ERR_INVAL,
				"an alias (*name) is not allowed: write it out");
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return take_node(reader, event, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		reader->depth--;
		return CUA_OK;
	case YAML_DOCUMENT_START_EVENT:
		return reader->yaml->root ? fail_at(reader->yaml, line, reader->err, CUA_ERR_INVAL,
							    "a second document begins")
					  : CUA_OK;
	default:
		return CUA_OK;
	}
}

/* --- the document --- */

static int by_address(const void *one, const void *other)
{
	const uintptr_t a = (uintptr_t)((const struct place *)one)->node;
	const uintptr_t b = (uintptr_t)((const struct place *)other)->node;
	return (a > b) - (a < b);
}

/* libyaml tells of its reader's problems where in the text they are, of others the line. */
static enum cua_status fail_in_yaml(const struct reader *reader, const char *text)
{
	const yaml_parser_t *parser = &reader->parser;
	size_t line = parser->problem_mark.line + 1;
	if (parser->error == YAML_MEMORY_ERROR) {
		return out_of_memory(reader->err);
	}
	if (parser->error == YAML_READER_ERROR) {
		line = 1;
		for (size_t i = 0; i < parser->problem_offset; i++) {
			line += text[i] == '\n';
		}
	}
	return CUA_FAIL(reader->err, CUA_ERR_INVAL, 0, "%s:%zu: %s%s%s", reader->yaml->name, line,
			parser->problem ? parser->problem : "this is no YAML",
			parser->context ? " " : "", parser->context ? parser->context : "");
}

/* Event by event, so that what is over a bound ends it there. */
static enum cua_status read_events(struct reader *reader, const char *text)
{
	enum cua_status status = CUA_OK;
	bool is_end = false;
	while (status == CUA_OK && !is_end) {
		yaml_event_t event;
		if (!yaml_parser_parse(&reader->parser, &event)) {
			return fail_in_yaml(reader, text);
		}
		is_end = event.type == YAML_STREAM_END_EVENT;
		status = take_event(reader, &event);
		yaml_event_delete(&event);
	}
	return status;
}

static enum cua_status read_text(struct reader *reader, const char *text, size_t len)
{
	struct cua_yaml *yaml = reader->yaml;
	yaml->places = calloc(CUA_YAML_NODES_MAX, sizeof(*yaml->places));
	if (!yaml->places || !yaml_parser_initialize(&reader->parser)) {
		return out_of_memory(reader->err);
	}
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, len);
	enum cua_status status = read_events(reader, text);
	yaml_parser_delete(&reader->parser);
	for (size_t i = 0; i < reader->depth; i++) {
		free(reader->levels[i].key);
	}
	if (status == CUA_OK && !yaml->root && !(yaml->root = cJSON_CreateNull())) {
		status = out_of_memory(reader->err);
	}
	qsort(yaml->places, yaml->place_count, sizeof(*yaml->places), by_address);
	return status;
}

static enum cua_status too_large(const char *name, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s:1: the file is over %zu bytes", name,
			CUA_YAML_BYTES_MAX);
}

enum cua_status cua_yaml_parse(const char *name, const char *text, size_t len,
		struct cua_yaml **ret_yaml, struct cua_error *err)
{
	struct cua_yaml *yaml = calloc(1, sizeof(*yaml));
	struct reader reader = { .yaml = yaml, .err = err };
	enum cua_status status = CUA_OK;
	if (!yaml || !(yaml->name = strdup(name))) {
		status = out_of_memory(err);
	} else if (len > CUA_YAML_BYTES_MAX) {
		status = too_large(name, err);
	} else {
		status = read_text(&reader, text, len);
	}
	if (status != CUA_OK) {
		cua_yaml_destroy(yaml);
		return status;
	}
	*ret_yaml = yaml;
	return CUA_OK;
}

enum cua_status cua_yaml_read(const char *path, struct cua_yaml **ret_yaml, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CUA_YAML_BYTES_MAX);
	enum cua_status status = cua_file_read(path, &text, err);
	if (status == CUA_ERR_TOO_LARGE) {
		return too_large(path, err);
	}
	return status == CUA_OK
			? cua_yaml_parse(path, text.data ? text.data : "", text.len, ret_yaml, err)
			: status;
}

void cua_yaml_destroy(struct cua_yaml *yaml)
{
	if (yaml) {
		cJSON_Delete(yaml->root);
		free(yaml->places);
		free(yaml->name);
		free(yaml);
	}
}

const char *cua_yaml_name(const struct cua_yaml *yaml)
{
	return yaml->name;
}

const cJSON *cua_yaml_root(const struct cua_yaml *yaml)
{
	return yaml->root;
}

int cua_yaml_line(const struct cua_yaml *yaml, const cJSON *node)
{
	const struct place wanted = { .node = node };
	const struct place *place = yaml->place_count == 0
			? NULL
			: bsearch(&wanted, yaml->places, yaml->place_count, sizeof(wanted),
					  by_address);
	return place ? place->line : 0;
}

enum cua_status cua_yaml_fail(const struct cua_yaml *yaml, const cJSON *node, struct cua_error *err,
		const char *fmt, ...)
{
	char what[400];
	const int line = cua_yaml_line(yaml, node);
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return fail_at(yaml, line ? line : 1, err, CUA_ERR_INVAL, what);
}

/* --- what may stand in it --- */

int cua_yaml_name_index(const char *const *names, const char *name)
{
	for (int i = 0; name && names[i]; i++) {
		if (strcmp(names[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

void cua_yaml_list_names(const char *const *names, char *text, size_t size)
{
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; names[i] && len < size; i++) {
		const char *joint = i == 0 ? "" : names[i + 1] ? ", " : " or ";
		len += (size_t)snprintf(text + len, size - len, "%s%s", joint, names[i]);
	}
}

enum cua_status cua_yaml_check_members(const struct cua_yaml *yaml, const cJSON *json,
		const char *what, const char *const *names, struct cua_error *err)
{
	const cJSON *member = NULL;
	char allowed[160];
	cua_yaml_list_names(names, allowed, sizeof(allowed));
	if (!cJSON_IsObject(json)) {
		return cua_yaml_fail(yaml, json, err, "%s needs members: %s", what, allowed);
	}
	cJSON_ArrayForEach (member, json) {
		if (cua_yaml_name_index(names, member->string) < 0) {
			return cua_yaml_fail(yaml, member, err, "%s has no '%.40s'; it has %s",
					what, member->string, allowed);
		}
	}
	return CUA_OK;
}

enum cua_status cua_yaml_choice(const struct cua_yaml *yaml, const cJSON *value,
		const char *const *names, int *ret_index, struct cua_error *err)
{
	char allowed[160];
	const char *text = cJSON_GetStringValue(value);
	const int index = cua_yaml_name_index(names, text);
	cua_yaml_list_names(names, allowed, sizeof(allowed));
	if (index < 0) {
		return cua_yaml_fail(yaml, value, err, "needs %s", allowed);
	}
	*ret_index = index;
	return CUA_OK;
}
