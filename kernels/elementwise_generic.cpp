#define WBS_ROWS kGenericRows
#include "kernels/elementwise_rows.inl"
