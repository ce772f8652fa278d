/* Places where a test build can be made to stall or die. In the product they are nothing. */
#ifndef SERVER_FAULT_H
#define SERVER_FAULT_H

#ifdef CHAT_FAULTS
/* Does what the environment asks for at this place; see tests/fault/fault.c. */
void fault_point(const char *place);
#define FAULT_POINT(place) fault_point(place)
#else
#define FAULT_POINT(place) ((void)0)
#endif

#endif
