#ifndef CUA_CONTRACT_KEY_H
#define CUA_CONTRACT_KEY_H

/* Key spellings of the model APIs, of X and of people, to X keysyms. */

#include <stdbool.h>
#include <stdint.h>

#include "cua/base/error.h"
#include "cua/contract/action.h"

/**
 * cua_key_parse() - the keysym of one key name: "ctrl", "Page_Up", "ArrowLeft", "a", "é", "F5".
 * @in_chord: lower a single capital letter, which then means the key: ctrl+S is ctrl+s.
 *
 * Return: CUA_OK; CUA_ERR_INVAL naming the unknown key.
 */
CUA_NODISCARD enum cua_status cua_key_parse(
		const char *name, bool in_chord, uint32_t *ret_keysym, struct cua_error *err);

/**
 * cua_keys_parse() - split "ctrl+shift+t" (or "ctrl shift t") into names.
 *
 * The plus key itself is "+", "plus", "ctrl++" or "ctrl+plus".
 *
 * Return: CUA_OK; CUA_ERR_INVAL for an empty chord, too many keys, or an unknown key.
 */
CUA_NODISCARD enum cua_status cua_keys_parse(
		const char *chord, struct cua_keys *ret_keys, struct cua_error *err);

/* Adds one name after checking it. */
CUA_NODISCARD enum cua_status cua_keys_add(
		struct cua_keys *keys, const char *name, struct cua_error *err);

#endif
