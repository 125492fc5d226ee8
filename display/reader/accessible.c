/* What reading all elements and reading one have in common. */

#include "display/reader/tree.h"

#include <string.h>

/* Far beyond any screen. */
#define PLACE_MAX 1000000

struct box box_of_reply(GVariant *reply)
{
	gint32 x = 0, y = 0, width = 0, height = 0;
	g_variant_get(reply, "((iiii))", &x, &y, &width, &height);
	return (struct box){ CLAMP(x, -PLACE_MAX, PLACE_MAX), CLAMP(y, -PLACE_MAX, PLACE_MAX),
		CLAMP(width, 0, PLACE_MAX), CLAMP(height, 0, PLACE_MAX) };
}

bool box_clip(const struct box *box, const struct box *bounds, struct box *ret_box)
{
	const gint64 left = MAX(box->x, bounds->x), top = MAX(box->y, bounds->y);
	const gint64 right = MIN((gint64)box->x + box->width, (gint64)bounds->x + bounds->width);
	const gint64 bottom = MIN((gint64)box->y + box->height, (gint64)bounds->y + bounds->height);
	if (box->width <= 0 || box->height <= 0 || right <= left || bottom <= top) {
		return false;
	}
	*ret_box = (struct box){ (int)left, (int)top, (int)(right - left), (int)(bottom - top) };
	return true;
}

bool tree_is_reference(const char *name, const char *path)
{
	return strlen(name) < 64 && strlen(path) < 256 && g_dbus_is_unique_name(name) &&
			g_variant_is_object_path(path);
}

char *tree_clean_text(const char *text, size_t max_len)
{
	char *clean = g_utf8_make_valid(text, (gssize)strnlen(text, max_len));
	for (char *at = clean; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			*at = ' ';
		}
	}
	/* Where an object is embedded, ATK says so by a character that nobody sees. */
	for (char *at; (at = strstr(clean, "\xef\xbf\xbc"));) {
		memmove(at, at + 3, strlen(at + 3) + 1);
	}
	return g_strstrip(clean);
}

bool tree_role_opens(const char *role)
{
	static const char *const roles[] = { "menu", "menu item", "combo box", "popup menu", NULL };
	return g_strv_contains(roles, role);
}

bool tree_role_clips(const char *role)
{
	static const char *const roles[] = { "scroll pane", "viewport", "document web",
		"document frame", "document text", "document spreadsheet", "table", "tree table",
		"list box", NULL };
	return g_strv_contains(roles, role);
}
