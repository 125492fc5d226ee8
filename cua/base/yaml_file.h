#ifndef CUA_BASE_YAML_FILE_H
#define CUA_BASE_YAML_FILE_H

/* Files that people write, as JSON whose values know their lines: mistakes are told as
 * "FILE:LINE: what is wrong". Of YAML this reads what JSON can hold: mappings with text as keys,
 * lists and scalars. Plain true, false, null, ~ and JSON's numbers are what they look like; all
 * else is text, and so is everything in quotes. Aliases, tags and a second document are refused. */

#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define CUA_YAML_BYTES_MAX ((size_t)256 << 10)
#define CUA_YAML_DEPTH_MAX 32
#define CUA_YAML_NODES_MAX 10000

struct cua_yaml;

/**
 * cua_yaml_parse() - read a document.
 * @name:     what messages call it; copied.
 * @text:     UTF-8, not more than CUA_YAML_BYTES_MAX.
 * @ret_yaml: set on CUA_OK only; release with cua_yaml_destroy().
 *
 * Return: CUA_OK; CUA_ERR_INVAL, CUA_ERR_TOO_LARGE with FILE:LINE; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status cua_yaml_parse(const char *name, const char *text, size_t len,
		struct cua_yaml **ret_yaml, struct cua_error *err);
/* The same of a file; CUA_ERR_NOT_FOUND, CUA_ERR_IO. */
CUA_NODISCARD enum cua_status cua_yaml_read(
		const char *path, struct cua_yaml **ret_yaml, struct cua_error *err);
void cua_yaml_destroy(struct cua_yaml *yaml);

const char *cua_yaml_name(const struct cua_yaml *yaml);
/* Of the document; borrowed. An empty one is null. */
const cJSON *cua_yaml_root(const struct cua_yaml *yaml);
/* From 1; 0 for what is not of this document. A member of a mapping has the line of its key. */
int cua_yaml_line(const struct cua_yaml *yaml, const cJSON *node);
/* "FILE:LINE: what"; yields CUA_ERR_INVAL. */
enum cua_status cua_yaml_fail(const struct cua_yaml *yaml, const cJSON *node, struct cua_error *err,
		const char *fmt, ...) CUA_PRINTF(4, 5);

/* --- what may stand in it; names: NULL-terminated --- */

/* Where a name is in a list; -1. */
int cua_yaml_name_index(const char *const *names, const char *name);
/* "a, b or c". */
void cua_yaml_list_names(const char *const *names, char *text, size_t size);
/* Is json a mapping whose members are all among the names? what: "a rule", for the message. */
CUA_NODISCARD enum cua_status cua_yaml_check_members(const struct cua_yaml *yaml, const cJSON *json,
		const char *what, const char *const *names, struct cua_error *err);
/* One of the names. */
CUA_NODISCARD enum cua_status cua_yaml_choice(const struct cua_yaml *yaml, const cJSON *value,
		const char *const *names, int *ret_index, struct cua_error *err);

#endif
