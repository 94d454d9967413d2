/* IP options (RFC 791 section 3.1): their form is checked, and source routes, which let others choose our ways, are refused (RFC 7126). */
#include "net/ip.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_RECORD_ROUTE = 7, OPTION_TIMESTAMP = 68, OPTION_LOOSE_ROUTE = 131, OPTION_STRICT_ROUTE = 137 };

bool ip_options_ok(const u8 *options, u32 len, u32 *bad_at)
{
	for (u32 at = 0; at < len;) {
		u8 type = options[at];
		*bad_at = at;
		if (type == OPTION_END)
			return true;
		if (type == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= len || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		switch (type) {
		case OPTION_LOOSE_ROUTE:
		case OPTION_STRICT_ROUTE:
			return false;
		case OPTION_RECORD_ROUTE:
		case OPTION_TIMESTAMP:
			if (options[at + 1] < 3 || options[at + 2] < 4)
				return false;
			break;
		}
		at += options[at + 1];
	}
	return true;
}
