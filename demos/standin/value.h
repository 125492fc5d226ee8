#ifndef CUA_DEMOS_STANDIN_VALUE_H
#define CUA_DEMOS_STANDIN_VALUE_H

/* Values of a script: what stands behind a word or an option. Internal to script.c. */

#include <yaml.h>

#include "demos/standin/script.h"

struct script_parser {
	const char *name;
	yaml_document_t document;
	const char *word; /* what the error is about; NULL outside steps */
	struct cua_error *err;
};

/* "file: line N: word: what"; yields CUA_ERR_INVAL. node may be NULL. */
enum cua_status script_fail(struct script_parser *parser, const yaml_node_t *node, const char *fmt,
		...) CUA_PRINTF(3, 4);
yaml_node_t *script_node_at(struct script_parser *parser, int index);
const char *script_scalar(const yaml_node_t *node);
/* Each of these reads one value; text and points that *ret held before are released. */
enum cua_status script_read_text(
		struct script_parser *parser, const yaml_node_t *node, char **ret_text);
enum cua_status script_read_integer(struct script_parser *parser, const yaml_node_t *node, int min,
		int max, int *ret_value);
enum cua_status script_read_flag(
		struct script_parser *parser, const yaml_node_t *node, bool *ret_flag);
enum cua_status script_read_point(struct script_parser *parser, const yaml_node_t *node, int min,
		struct cua_point *ret_point);
enum cua_status script_read_path(struct script_parser *parser, const yaml_node_t *node,
		struct script_path *ret_path);
/* Appends node, or its items if it is a list and lists are allowed. */
enum cua_status script_read_texts(struct script_parser *parser, const yaml_node_t *node, bool list,
		struct script_texts *texts);
enum cua_status script_read_button(
		struct script_parser *parser, const yaml_node_t *node, char **ret_button);

#endif
