"""Literals of the wrong type, as a rule of validation that repeats no value."""

from graphql import (
    SKIP,
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputType,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VisitorAction,
)

from schema.coercion import Problem, literal_problems


class LiteralsRule(ValuesOfCorrectTypeRule):
    """The rule about literals, with messages of ours: a `LiteralError` each."""

    _name = ""

    def enter_argument(self, node: ArgumentNode, *_args: object) -> None:
        """Keep the name of the argument, with which paths begin."""
        self._name = node.name.value

    def enter_variable_definition(
        self, node: VariableDefinitionNode, *_args: object
    ) -> None:
        """Keep the name of the variable, whose default is a literal too."""
        self._name = node.variable.name.value

    def is_valid_value_node(
        self, node: ValueNode, input_type: GraphQLInputType | None
    ) -> VisitorAction:
        """Report every problem of the outermost literal."""
        if input_type is not None:
            for problem in literal_problems(node, input_type, self._name):
                self.report_error(LiteralError(problem, node))
        return SKIP  # its parts are walked already


class LiteralError(GraphQLError):
    """A literal of the wrong type."""

    def __init__(self, problem: Problem, node: ValueNode) -> None:
        """Keep the problem."""
        super().__init__(problem.message, node)
        self.problem = problem


def argument_problem(field: FieldNode, message: str) -> Problem | None:
    """Return the argument that graphql-core refused while it was running a field,
    for example a variable that is null where a default stands in the schema.
    """
    for argument in field.arguments or ():
        if message.startswith(f"Argument '{argument.name.value}'"):
            return Problem((argument.name.value,), "The value does not fit.")
    return None
