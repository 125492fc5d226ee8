#include "demos/standin/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

enum cua_status script_fail(
		struct script_parser *parser, const yaml_node_t *node, const char *fmt, ...)
{
	char what[384];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return CUA_FAIL(parser->err, CUA_ERR_INVAL, 0, "%s: line %zu: %s%s%s", parser->name,
			node ? node->start_mark.line + 1 : (size_t)1,
			parser->word ? parser->word : "", parser->word ? ": " : "", what);
}

yaml_node_t *script_node_at(struct script_parser *parser, int index)
{
	return yaml_document_get_node(&parser->document, index);
}

const char *script_scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

enum cua_status script_read_text(
		struct script_parser *parser, const yaml_node_t *node, char **ret_text)
{
	if (node->type != YAML_SCALAR_NODE) {
		return script_fail(parser, node, "needs a text");
	}
	if (strlen(script_scalar(node)) != node->data.scalar.length) {
		return script_fail(parser, node, "the text holds a NUL");
	}
	char *text = strdup(script_scalar(node));
	if (!text) {
		return CUA_FAIL(parser->err, CUA_ERR_NOMEM, ENOMEM, "script");
	}
	free(*ret_text);
	*ret_text = text;
	return CUA_OK;
}

enum cua_status script_read_integer(struct script_parser *parser, const yaml_node_t *node, int min,
		int max, int *ret_value)
{
	if (node->type != YAML_SCALAR_NODE) {
		return script_fail(parser, node, "needs a whole number");
	}
	char *end = NULL;
	errno = 0;
	long value = strtol(script_scalar(node), &end, 10);
	if (end == script_scalar(node) || *end || errno) {
		return script_fail(
				parser, node, "'%.40s' is not a whole number", script_scalar(node));
	}
	if (value < min || value > max) {
		return script_fail(parser, node, "%ld is out of bounds; it must be %d to %d", value,
				min, max);
	}
	*ret_value = (int)value;
	return CUA_OK;
}

enum cua_status script_read_flag(
		struct script_parser *parser, const yaml_node_t *node, bool *ret_flag)
{
	const char *text = node->type == YAML_SCALAR_NODE ? script_scalar(node) : "";
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		return script_fail(parser, node, "needs true or false");
	}
	*ret_flag = text[0] == 't';
	return CUA_OK;
}

enum cua_status script_read_point(struct script_parser *parser, const yaml_node_t *node, int min,
		struct cua_point *ret_point)
{
	if (node->type != YAML_SEQUENCE_NODE ||
			node->data.sequence.items.top - node->data.sequence.items.start != 2) {
		return script_fail(parser, node, "needs a pair of numbers, [x, y]");
	}
	const yaml_node_item_t *items = node->data.sequence.items.start;
	struct cua_point point;
	enum cua_status status = script_read_integer(
			parser, script_node_at(parser, items[0]), min, 10000, &point.x);
	if (status == CUA_OK) {
		status = script_read_integer(
				parser, script_node_at(parser, items[1]), min, 10000, &point.y);
	}
	if (status == CUA_OK) {
		*ret_point = point;
	}
	return status;
}

enum cua_status script_read_path(
		struct script_parser *parser, const yaml_node_t *node, struct script_path *ret_path)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		return script_fail(parser, node, "needs a list of points, [[x, y], [x, y]]");
	}
	ptrdiff_t count = node->data.sequence.items.top - node->data.sequence.items.start;
	if (count < 2 || count > SCRIPT_LIST_MAX) {
		return script_fail(parser, node, "a path has 2 to %d points", SCRIPT_LIST_MAX);
	}
	free(ret_path->points);
	ret_path->count = 0;
	ret_path->points = calloc((size_t)count, sizeof(*ret_path->points));
	if (!ret_path->points) {
		return CUA_FAIL(parser->err, CUA_ERR_NOMEM, ENOMEM, "script");
	}
	for (int i = 0; i < count; i++) {
		const yaml_node_t *item =
				script_node_at(parser, node->data.sequence.items.start[i]);
		enum cua_status status = script_read_point(
				parser, item, -10000, &ret_path->points[ret_path->count]);
		if (status != CUA_OK) {
			return status;
		}
		ret_path->count++;
	}
	return CUA_OK;
}

/* Appends node, or its items if it is a list and lists are allowed. */
enum cua_status script_read_texts(struct script_parser *parser, const yaml_node_t *node, bool list,
		struct script_texts *texts)
{
	if (list && node->type == YAML_SEQUENCE_NODE) {
		if (node->data.sequence.items.top == node->data.sequence.items.start) {
			return script_fail(parser, node, "the list is empty");
		}
		for (const yaml_node_item_t *item = node->data.sequence.items.start;
				item < node->data.sequence.items.top; item++) {
			enum cua_status status = script_read_texts(
					parser, script_node_at(parser, *item), false, texts);
			if (status != CUA_OK) {
				return status;
			}
		}
		return CUA_OK;
	}
	if (texts->count == SCRIPT_LIST_MAX) {
		return script_fail(parser, node, "the list is too long");
	}
	char **items = realloc(texts->items, ((size_t)texts->count + 1) * sizeof(*items));
	if (!items) {
		return CUA_FAIL(parser->err, CUA_ERR_NOMEM, ENOMEM, "script");
	}
	texts->items = items;
	items[texts->count] = NULL;
	enum cua_status status = script_read_text(parser, node, &items[texts->count]);
	if (status == CUA_OK) {
		texts->count++;
	}
	return status;
}

enum cua_status script_read_button(
		struct script_parser *parser, const yaml_node_t *node, char **ret_button)
{
	static const char *const names[] = { "left", "right", "middle", "back", "forward" };
	enum cua_status status = script_read_text(parser, node, ret_button);
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(*ret_button, names[i]) == 0) {
			return CUA_OK;
		}
	}
	return status != CUA_OK
			? status
			: script_fail(parser, node,
					  "button '%.40s' is not left, right, middle, back or "
					  "forward",
					  *ret_button);
}
