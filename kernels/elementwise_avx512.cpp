#define WBS_ROWS kAvx512Rows
#include "kernels/elementwise_rows.inl"
