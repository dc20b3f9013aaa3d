#define WBS_ROWS kGenericRows
#define WBS_ADD add_generic
#include "kernels/elementwise_rows.inl"
