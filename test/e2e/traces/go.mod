module traces

go 1.24.0

require go.opentelemetry.io/collector/pdata v1.70.0
