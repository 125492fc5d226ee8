#include "agent/model/model_api.h"

#include <string.h>

#define LEFT_OUT_MAX 3

const char model_unchanged[] = "The screen is exactly as it was on the last screenshot.";

void model_shown_note(struct model_shown *shown, const struct agent_image *image)
{
	memcpy(shown->sha256, image->sha256, sizeof(shown->sha256));
	shown->left_out = 0;
}

bool model_shown_again(struct model_shown *shown, const struct agent_image *image)
{
	if (image->sha256[0] && strcmp(shown->sha256, image->sha256) == 0 &&
			shown->left_out < LEFT_OUT_MAX) {
		shown->left_out++;
		return true;
	}
	model_shown_note(shown, image);
	return false;
}
