/* Pictures of strangers: decoded, or refused with a reason. */
#include "cua/picture/decode.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cua_error err = { 0 };
	const enum cua_status status = cua_picture_decode(data, size, &err);
	FUZZ_CHECK((status == CUA_OK) == (err.msg[0] == '\0'));
	FUZZ_CHECK(status != CUA_OK || cua_picture_type(data, size));
	return 0;
}
