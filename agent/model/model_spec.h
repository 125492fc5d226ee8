#ifndef CUA_AGENT_MODEL_SPEC_H
#define CUA_AGENT_MODEL_SPEC_H

/* What the catalogue (agent/model/catalogue.h) knows of a model. 0, "" and NAN: not known, so not
 * limited and not counted. */

#include <stdbool.h>

/* What a model's coordinates are of. */
enum agent_coordinates {
	AGENT_COORDINATES_PIXELS,  /* of the picture as it was sent */
	AGENT_COORDINATES_GRID,    /* 0 to 1000, both ways */
	AGENT_COORDINATES_RESIZED, /* pixels, after the picture was fitted to images.multiple */
	AGENT_COORDINATES_UNIT,    /* 0 to 1, both ways */
};

enum agent_image_type {
	AGENT_IMAGE_PNG = 1,
	AGENT_IMAGE_JPEG = 2,
	AGENT_IMAGE_WEBP = 4,
};

/* Of one screenshot, unless it says otherwise. A picture within the limits is seen unscaled. */
struct agent_image_limits {
	unsigned types;  /* of enum agent_image_type; 0 means PNG */
	double max_side; /* pixels */
	double min_pixels, max_pixels;
	double multiple; /* what a server fits both sides to */
	double patch;    /* side of the square, in pixels, that is token_factor tokens */
	double max_patches;
	double token_factor;
	double tokens;        /* whatever the size */
	double max_bytes;     /* in base64 */
	double max_count;     /* in one request */
	double many;          /* more in one request than this, and */
	double many_max_side; /* this is max_side */
	bool without_pointer; /* it takes a pointer in the picture for a part of it */
};

/* US dollars per million tokens. */
struct agent_prices {
	double input, cached, cache_write, output;
	/* A request with more input than long_above costs so many times as much. */
	double long_above, long_input_factor, long_output_factor;
	char until[16]; /* the last day, "2026-12-31", that they are known for; "": no end */
	bool confirmed; /* by the vendor */
};

struct agent_model_spec {
	double context, max_output; /* tokens */
	char tool[48], beta[64];    /* the API's computer tool, and the header it needs */
	char profile[32];           /* the grammar of a model without such a tool */
	char thinking[16]; /* how the API is asked to let it think: "adaptive"; "": it is not */
	bool prunes;       /* old pictures may be taken out: no thought is bound to them */
	bool threads;      /* the server may keep the conversation between requests */
	enum agent_coordinates coordinates;
	struct agent_image_limits images;
	struct agent_prices prices;
	char note[128];
};

/* Nothing is known. */
extern const struct agent_model_spec agent_model_spec_unknown;

#endif
