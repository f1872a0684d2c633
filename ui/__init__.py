"""The live page: `streamlit run ui`. It reads the enriched topic and does not know how events are scored."""

from config.extras import explain_missing_packages

explain_missing_packages()
