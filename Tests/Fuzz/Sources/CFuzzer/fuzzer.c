// SwiftPM wants one C file in a target with a header.
#include "CFuzzer.h"
