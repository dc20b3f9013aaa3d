#define WBS_ROWS kAvx2Rows
#include "kernels/elementwise_rows.inl"
