#ifndef CUA_DISPLAY_READER_READER_H
#define CUA_DISPLAY_READER_READER_H

/* The reader: a process inside the desktop's sandbox that knows the accessibility bus and
 * Tesseract, so that neither their memory nor their faults are the host's. The host starts it when
 * it first needs it and kills it when it does not answer in time; it ends by itself after a minute
 * without work.
 *
 * Link: a stream socket. A message is struct reader_header, json_len bytes of one JSON object and
 * pixel_len bytes of pixels (one byte each, grey, rows without padding). Each request is answered
 * by one message without pixels, in order; an answer with "error" is a failure.
 *
 * {"do": "tree", "windows": [{"id", "pid", "title", "x", "y", "width", "height", "popup"}],
 *   "screen": [width, height], "max_nodes", "max_depth", "max_text", "all", "deadline_ms"}
 * -> {"nodes": [{"depth", "window", "bus", "path", "role", "name", "value", "states": [low, high],
 *       "x", "y", "width", "height", PLACE, "children"}], "cut": bool, "stuck": [pid]}
 * Nodes are in document order. Boxes are what shows, on the screen. children stands where not all
 * of them were read.
 * PLACE: what has to be known to find the place again: "scale_percent", by which the application's
 * pixels are enlarged; "shift_x", "shift_y", which are added then; "pane", "pane_in", the paths of
 * LibreOffice's own pane and of what that fills: by how much the one is elsewhere than the other is
 * added, too. All are optional.
 *
 * {"do": "element", "bus", "path", "windows": [...], "screen", PLACE, "scroll": bool,
 *   "deadline_ms"}
 * -> {"role", "name", "states", "x", "y", "width", "height"}: what can be seen of it now.
 *
 * {"do": "spans", "text", "elements": [{"bus", "path", PLACE}], "deadline_ms"}
 * -> {"spans": [{"element": index, "x", "y", "width", "height"}]}: where text stands in elements
 *
 * {"do": "url", "bus", "path", "deadline_ms"} -> {"url"}: of a page
 *
 * {"do": "ocr", "lang": "deu+eng" or "", "width", "height", "deadline_ms"} + pixels
 * -> {"words": [{"text", "x", "y", "width", "height", "confidence", "line"}]}
 */

#include <stdint.h>

#define READER_JSON_MAX (8U << 20)
#define READER_PIXELS_MAX (64U << 20)
#define READER_NODES_MAX 5000
#define READER_DEPTH_MAX 100
#define READER_TEXT_MAX 20000 /* bytes of a name or value */
#define READER_WORDS_MAX 8192
#define READER_WINDOWS_MAX 512
#define READER_IDLE_MS 60000

struct reader_header {
	uint32_t json_len, pixel_len;
};

/* Serves the other end of fd until it closes or nobody asks any more; the exit status. */
int reader_run(int fd);

#endif
