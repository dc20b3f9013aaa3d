#define WBS_ROWS kGenericRows
#define WBS_ADD kGenericAdd
#include "kernels/elementwise_rows.inl"
